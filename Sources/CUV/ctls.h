#ifndef BERTH_CTLS_H
#define BERTH_CTLS_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* The ciphertext of one call into OpenSSL: the bytes received, and the bytes to send. A loop has one for all of its
   sessions, so that a parked session holds no buffer. */
struct berth_tls_wire {
  const unsigned char *input;
  size_t input_left;
  unsigned char *output;
  size_t output_count;
  size_t output_capacity;
};

static inline int berth_tls_wire_read(BIO *bio, char *out, size_t size, size_t *count) {
  struct berth_tls_wire *wire = (struct berth_tls_wire *)BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *count = 0;
  if (wire->input_left == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  *count = size < wire->input_left ? size : wire->input_left;
  memcpy(out, wire->input, *count);
  wire->input += *count;
  wire->input_left -= *count;
  return 1;
}

static inline int berth_tls_wire_write(BIO *bio, const char *in, size_t size, size_t *count) {
  struct berth_tls_wire *wire = (struct berth_tls_wire *)BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *count = 0;
  if (wire->output_capacity - wire->output_count < size) {
    size_t capacity = wire->output_count + size + 64 * 1024;
    unsigned char *grown = (unsigned char *)realloc(wire->output, capacity);
    if (!grown) return -1;
    wire->output = grown;
    wire->output_capacity = capacity;
  }
  memcpy(wire->output + wire->output_count, in, size);
  wire->output_count += size;
  *count = size;
  return 1;
}

static inline long berth_tls_wire_control(BIO *bio, int command, long number, void *pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

/* The caller frees it after the last session of its loop. */
static inline BIO_METHOD *berth_tls_wire_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "berth wire");
  if (!method) return 0;
  BIO_meth_set_read_ex(method, berth_tls_wire_read);
  BIO_meth_set_write_ex(method, berth_tls_wire_write);
  BIO_meth_set_ctrl(method, berth_tls_wire_control);
  return method;
}

/* A new session over the wire. */
static inline SSL *berth_tls_session(SSL_CTX *context, const BIO_METHOD *method, struct berth_tls_wire *wire) {
  SSL *session = SSL_new(context);
  BIO *bio = BIO_new(method);
  if (!session || !bio) {
    SSL_free(session);
    BIO_free(bio);
    return 0;
  }
  BIO_set_data(bio, wire);
  BIO_set_init(bio, 1);
  SSL_set_bio(session, bio, bio);
  return session;
}

/* Of the protocols that a client offers, takes http/1.1. A client that offers only others would not speak HTTP/1.1. */
static inline int berth_tls_choose_protocol(SSL *session, const unsigned char **out, unsigned char *out_size,
                                            const unsigned char *in, unsigned int in_size, void *unused) {
  (void)session, (void)unused;
  for (unsigned int at = 0; at + 1 + in[at] <= in_size; at += 1 + in[at]) {
    if (in[at] == 8 && memcmp(in + at + 1, "http/1.1", 8) == 0) {
      *out = in + at + 1;
      *out_size = in[at];
      return SSL_TLSEXT_ERR_OK;
    }
    if (at + 1 + in[at] == in_size) break;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* TLS 1.2 or newer. No compression and no renegotiation. No session is resumed: tickets would let who steals their key
   read recorded TLS 1.2 traffic, and the usual clients of a WebSocket do not resume. */
static inline SSL_CTX *berth_tls_context(int is_server) {
  SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
  if (!context) return 0;
  if (SSL_CTX_get_security_level(context) < 2) SSL_CTX_set_security_level(context, 2);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) || !SSL_CTX_set_num_tickets(context, 0)) {
    SSL_CTX_free(context);
    return 0;
  }
  if (is_server) SSL_CTX_set_alpn_select_cb(context, berth_tls_choose_protocol, 0);
  return context;
}

static inline int berth_tls_add_chain(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

/* For a key with a passphrase. OpenSSL would ask for it on the terminal. */
static inline int berth_tls_no_passphrase(char *out, int size, int is_writing, void *asked) {
  (void)out, (void)size, (void)is_writing;
  *(int *)asked = 1;
  return -1;
}

/* The peer must prove one name, or one address. */
static inline int berth_tls_expect(SSL *session, const char *name, int is_address) {
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name);
  return SSL_set1_host(session, name) && (int)SSL_set_tlsext_host_name(session, name);
}

#endif
