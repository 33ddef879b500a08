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
