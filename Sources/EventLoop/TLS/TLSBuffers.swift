import CTLS
import Glibc

/// The buffers that all TLS sessions of a loop share. Each call of a session takes all input and gives all output, so
/// nothing in them outlives the call.
final class TLSBuffers {
    /// Room for the plaintext of one read: never more than the bytes read and one record begun before, because
    /// encryption only adds bytes.
    static let plainBytes = Loop.readBufferBytes + 20 * 1_024

    let wire: UnsafeMutablePointer<berth_tls_wire>
    let method: OpaquePointer
    let plain: UnsafeMutableRawPointer

    init() {
        wire = .allocate(capacity: 1)
        wire.initialize(to: berth_tls_wire())
        plain = .allocate(byteCount: TLSBuffers.plainBytes, alignment: 16)
        guard let method = berth_tls_wire_method() else { preconditionFailure("OpenSSL is out of memory") }
        self.method = method
    }

    deinit {
        free(wire.pointee.output)
        wire.deallocate()
        plain.deallocate()
        BIO_meth_free(method)
    }

    /// The bytes that the last call of a session wants sent.
    var output: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: wire.pointee.output, count: wire.pointee.output_count)
    }

    func offer(_ bytes: UnsafeRawBufferPointer) {
        wire.pointee.input = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        wire.pointee.input_left = bytes.count
    }

    func clearOutput() { wire.pointee.output_count = 0 }
}
