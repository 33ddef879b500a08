import ArgumentParser
import EventLoop

/// The relay alone, as the upper bound for a gateway.
struct BenchRelayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay", abstract: "Joins each connection to one of its own to the peer.")

    @Option(help: "The peer, host:port.")
    var to: String

    func run() throws {
        let loop = try Loop()
        let peer = try SocketAddress.argument(to)
        var relays: [ObjectIdentifier: Relay] = [:]
        let listener = try Listener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { client in
            Stream.connect(loop: loop, to: peer, timeoutMilliseconds: 2_000) { result in
                guard case .success(let worker) = result else { return client.reset() }
                var relay: Relay?
                relay = Relay(client, worker, lingerMilliseconds: 1_000, loop: loop) { _ in
                    if let relay { relays[ObjectIdentifier(relay)] = nil }
                    relay = nil
                }
                if let relay { relays[ObjectIdentifier(relay)] = relay }
            }
        }
        BenchCommand.say("127.0.0.1:\(listener.port)")
        loop.run()
    }
}
