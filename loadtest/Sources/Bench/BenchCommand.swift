import ArgumentParser
import EventLoop
import Glibc

/// The pieces of `make bench`; loadtest/bench/bench.py starts and joins them.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "The pieces of `make bench`: load, peer, bare relay and a worker without sidecars.",
        subcommands: [
            BenchLoadCommand.self, BenchPeerCommand.self, BenchParkCommand.self, BenchRelayCommand.self,
            BenchWorkerCommand.self,
        ])

    /// Prints one line at once: who started us reads it through a pipe.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}

/// The handshake all benchmark clients send, in the size of a real client's.
enum BenchHead {
    static func text(target: String) -> String {
        "GET \(target) HTTP/1.1\r\nUser-Agent: loadtest\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nHost: 127.0.0.1\r\n\r\n"
    }
}

/// What the benchmark sends both ways: server frames (RFC 6455, section 5.2), as a gateway expects them of a sidecar.
/// Nobody looks at what clients send, so that an echo need not unmask: that would be measured too.
enum BenchFrame {
    /// One binary frame of so many bytes, header included; 64 KiB at most, and not 128 to 129.
    static func filled(bytes: Int) -> UnsafeRawBufferPointer {
        let frame = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 8)
        // Written to once, or the kernel would read its one page of zeros again and again.
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
    /// For command-line values: an IP literal with a port.
    static func argument(_ text: String) throws -> SocketAddress {
        guard let address = SocketAddress(text), !address.isUnix else {
            throw ValidationError("'\(text)' is not an address like 127.0.0.1:8080")
        }
        return address
    }
}

/// Why a run has no result.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
