import ArgumentParser
import EventLoop
import Glibc

/// The programs of `make bench`. loadtest/bench/bench.py starts and connects them.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "The pieces of `make bench`: load, hand-off, peer, bare relay and a worker without sidecars.",
        subcommands: [
            BenchLoadCommand.self, BenchPeerCommand.self, BenchParkCommand.self, BenchRelayCommand.self,
            BenchWorkerCommand.self, BenchHandOffCommand.self,
        ])

    /// Prints one line and flushes it, because the parent process reads a pipe.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}

/// The handshake of all benchmark clients. It is as long as a real client's.
enum BenchHead {
    static func text(target: String) -> String {
        "GET \(target) HTTP/1.1\r\nUser-Agent: loadtest\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nHost: 127.0.0.1\r\n\r\n"
    }
}

/// The frames of the benchmark, in both directions: server frames (RFC 6455, section 5.2), as a gateway reads them from
/// a sidecar. Clients send unmasked frames too, because to unmask them in the echo would be measured. No program checks
/// them.
enum BenchFrame {
    /// One binary frame of this many bytes, header included: at most 64 KiB, but not 128 or 129.
    static func filled(bytes: Int) -> UnsafeRawBufferPointer {
        let frame = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 8)
        // Each byte is written, because the kernel maps untouched pages to one page of zeros.
        for i in frame.indices { frame[i] = UInt8(truncatingIfNeeded: i) }
        frame[0] = 0x82
        if bytes - 2 < 126 {
            frame[1] = UInt8(bytes - 2)
        } else {
            frame[1] = 126
            frame[2] = UInt8((bytes - 4) >> 8)
            frame[3] = UInt8((bytes - 4) & 0xff)
        }
        return UnsafeRawBufferPointer(frame)
    }
}

extension SocketAddress {
    /// Reads a command-line value: an IP address with a port.
    static func argument(_ text: String) throws -> SocketAddress {
        guard let address = SocketAddress(text), !address.isUnix else {
            throw ValidationError("'\(text)' is not an address like 127.0.0.1:8080")
        }
        return address
    }
}

/// Says why a run has no result.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
