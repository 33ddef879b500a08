import CTLS

/// One session of TLS as a codec: ciphertext in, plaintext out, and back. It does no I/O.
///
/// Each call leaves bytes for the peer in `output`. The caller sends them before it calls a session of the same loop
/// again.
final class TLSSession {
    /// Most plaintext of one `send`: 16 records.
    static let sendBytesMax = 16 * 16 * 1_024
    /// The first byte of a client's first message (RFC 8446, 5.1: a handshake record).
    static let firstByte: UInt8 = 0x16

    enum Outcome: Hashable {
        case open
        /// The peer sends no more (close_notify). It may still read.
        case ended
        /// Nothing more can be read or sent, but for the alert that may be in `output`.
        case failed(TLSFailure)
    }

    let ssl: OpaquePointer
    private let buffers: TLSBuffers
    /// The handshake is over, and the peer's certificate is accepted if the context asks for one.
    private(set) var isEstablished = false
    private var isOver = false

    /// A client's first message is in `output` after this.
    /// - Parameter peer: the name or address that the server's certificate must have; nil for a server.
    init(_ context: TLSContext, expecting peer: TLSPeer?, buffers: TLSBuffers) throws(TLSFailure) {
        self.buffers = buffers
        ERR_clear_error()
        guard let ssl = berth_tls_session(context.handle, buffers.method, buffers.wire) else {
            throw .noted("TLS session")
        }
        self.ssl = ssl
        buffers.clearOutput()
        guard let peer else {
            SSL_set_accept_state(ssl)
            return
        }
        SSL_set_connect_state(ssl)
        guard berth_tls_expect(ssl, peer.name, peer.isAddress ? 1 : 0) == 1 else { throw .noted("TLS session") }
        buffers.offer(UnsafeRawBufferPointer(start: nil, count: 0))
        SSL_do_handshake(ssl)
    }

    deinit { SSL_free(ssl) }

    var output: UnsafeRawBufferPointer { buffers.output }

    /// Takes bytes of the peer. The plaintext is valid until the next call of a session of this loop.
    func receive(_ bytes: UnsafeRawBufferPointer) -> (plain: UnsafeRawBufferPointer, outcome: Outcome) {
        buffers.clearOutput()
        // OpenSSL would not take bytes behind close_notify.
        guard !isOver else { return (UnsafeRawBufferPointer(start: nil, count: 0), .open) }
        buffers.offer(bytes)
        ERR_clear_error()
        var count = 0
        var code: Int32 = 1
        while code == 1 {
            precondition(count < TLSBuffers.plainBytes, "plaintext is never longer than its ciphertext")
            var read = 0
            code = SSL_read_ex(ssl, buffers.plain + count, TLSBuffers.plainBytes - count, &read)
            if code == 1 { count += read }
        }
        return (UnsafeRawBufferPointer(start: buffers.plain, count: count), outcome(of: code))
    }

    private func outcome(of code: Int32) -> Outcome {
        let error = SSL_get_error(ssl, code)
        let wasEstablished = isEstablished
        isEstablished = isEstablished || SSL_is_init_finished(ssl) == 1
        switch error {
        case SSL_ERROR_WANT_READ: return .open
        case SSL_ERROR_ZERO_RETURN:
            isOver = true
            return .ended
        default:
            isOver = true
            return .failed(failure(wasEstablished ? "TLS" : "TLS handshake"))
        }
    }

    private func failure(_ operation: String) -> TLSFailure {
        let verdict = SSL_get_verify_result(ssl)
        guard verdict == Int(X509_V_OK) else {
            ERR_clear_error()
            return TLSFailure("\(operation): \(TLSPeer.words(verdict: verdict))")
        }
        return .noted(operation)
    }

    /// Encrypts bytes of the owner, `sendBytesMax` at most. Only after the handshake, and not after `end`.
    func send(_ bytes: UnsafeRawBufferPointer) throws(TLSFailure) {
        buffers.clearOutput()
        buffers.offer(UnsafeRawBufferPointer(start: nil, count: 0))
        ERR_clear_error()
        var written = 0
        guard SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &written) == 1 else { throw .noted("TLS") }
    }

    /// Ends the sending side: close_notify. The peer may still send.
    func end() {
        buffers.clearOutput()
        buffers.offer(UnsafeRawBufferPointer(start: nil, count: 0))
        ERR_clear_error()
        SSL_shutdown(ssl)
        ERR_clear_error()
    }
}
