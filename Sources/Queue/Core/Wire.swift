/// The lines that gateways and workers exchange before a session's bytes. A connection carries one line in each
/// direction.
///
/// ```
/// gateway → worker   BERTH1 GRANT <fleet> <worker> <slot> <lease> <attach> <epoch> <token> <ttl> <idle> <nonce> <mac>\r\n
///                    then the client's request head, without Host
/// worker → gateway   BERTH1 PROOF <mac>\r\n               then the sidecar's bytes
///                    BERTH1 REJECT <reason> <mac>\r\n     then EOF: the worker's verdict is in Redis
/// gateway → worker   BERTH1 PROBE <fleet> <worker> <nonce> <mac>\r\n
/// worker → gateway   BERTH1 ALIVE <mac>\r\n               then EOF
/// ```
/// A mac is HMAC-SHA256 with NODE_SECRET, as 64 lower-case hex digits. The mac of a request signs the line before the
/// mac. The mac of an answer signs `<word> <nonce> <subject>`, so that an answer can be neither invented nor replayed.
/// `ttl` and `idle` are milliseconds, 0 for no limit (`SessionBounds`). This file only composes and reads lines; the driver computes the macs.
public enum Wire {
    /// Longest line of either side, with its CRLF, in bytes.
    public static let lineMax = 1_024
    static let version = "BERTH1"

    /// A gateway's request to be served.
    public struct GrantRequest: Hashable, Sendable {
        public let fleet: String
        public let worker: ProcessID
        public let slot: Int
        public let lease: LeaseID
        /// 1 for the first connection of a lease.
        public let attach: Int
        public let token: Token
        public let bounds: SessionBounds
        /// 32 hex digits drawn by the gateway for this dial.
        public let nonce: String

        public init(
            fleet: String, worker: ProcessID, slot: Int, lease: LeaseID, attach: Int, token: Token,
            bounds: SessionBounds = .none, nonce: String
        ) {
            self.fleet = fleet
            self.worker = worker
            self.slot = slot
            self.lease = lease
            self.attach = attach
            self.token = token
            self.bounds = bounds
            self.nonce = nonce
        }

        /// The text that the request's mac signs: the line before the mac.
        public var signed: String {
            "\(version) GRANT \(fleet) \(worker) \(slot) \(lease) \(attach) \(token.epoch) \(token.number) "
                + "\(bounds.ttlMilliseconds ?? 0) \(bounds.idleMilliseconds ?? 0) \(nonce)"
        }

        /// The text that the mac of `PROOF` signs.
        public var proofSigned: String { "PROOF \(nonce) \(lease)" }

        /// The text that the mac of `REJECT` signs.
        public func rejectSigned(_ reason: RejectReason) -> String { "REJECT \(nonce) \(lease) \(reason.rawValue)" }
    }

    /// A gateway's request to check that a worker can be reached.
    public struct ProbeRequest: Hashable, Sendable {
        public let fleet: String
        public let worker: ProcessID
        public let nonce: String

        public init(fleet: String, worker: ProcessID, nonce: String) {
            self.fleet = fleet
            self.worker = worker
            self.nonce = nonce
        }

        public var signed: String { "\(version) PROBE \(fleet) \(worker) \(nonce)" }
        public var aliveSigned: String { "ALIVE \(nonce) \(worker)" }
    }

    /// A request line as read. The mac is not checked yet.
    public enum Request: Hashable, Sendable {
        case grant(GrantRequest, mac: String)
        case probe(ProbeRequest, mac: String)
    }

    /// An answer line as read. The mac is not checked yet.
    public enum Answer: Hashable, Sendable {
        case proof(mac: String)
        case reject(RejectReason, mac: String)
        case alive(mac: String)
    }

    /// A request line with its CRLF.
    public static func line(signed: String, mac: String) -> String { "\(signed) \(mac)\r\n" }
    /// The answer to a grant that is served, with its CRLF.
    public static func proofLine(mac: String) -> String { "\(version) PROOF \(mac)\r\n" }
    /// The answer to a rejected grant, with its CRLF.
    public static func rejectLine(_ reason: RejectReason, mac: String) -> String {
        "\(version) REJECT \(reason.rawValue) \(mac)\r\n"
    }
    /// The answer to a probe, with its CRLF.
    public static func aliveLine(mac: String) -> String { "\(version) ALIVE \(mac)\r\n" }

    /// Reads a request line without its CRLF; `nil` if it is not exactly one.
    public static func request(line: String) -> Request? {
        let f = words(of: line)
        guard f.count >= 3, f[0] == version, let mac = f.last.map(String.init), isMac(mac) else { return nil }
        switch f[1] {
        case "GRANT":
            guard f.count == 13, isName(f[2]), let worker = ProcessID(f[3]), let slot = natural(f[4]),
                let lease = LeaseID(f[5]), let attach = natural(f[6]), let epoch = natural(f[7]),
                let number = natural(f[8]), let ttl = natural(f[9]), let idle = natural(f[10]), isNonce(f[11])
            else { return nil }
            return .grant(
                GrantRequest(
                    fleet: String(f[2]), worker: worker, slot: slot, lease: lease, attach: attach,
                    token: Token(epoch: Int64(epoch), number: Int64(number)),
                    bounds: SessionBounds(
                        ttlMilliseconds: ttl == 0 ? nil : ttl, idleMilliseconds: idle == 0 ? nil : idle),
                    nonce: String(f[11])), mac: mac)
        case "PROBE":
            guard f.count == 6, isName(f[2]), let worker = ProcessID(f[3]), isNonce(f[4]) else { return nil }
            return .probe(ProbeRequest(fleet: String(f[2]), worker: worker, nonce: String(f[4])), mac: mac)
        default:
            return nil
        }
    }

    /// Reads an answer line without its CRLF; `nil` if it is not exactly one.
    public static func answer(line: String) -> Answer? {
        let f = words(of: line)
        guard f.count >= 3, f[0] == version, let mac = f.last.map(String.init), isMac(mac) else { return nil }
        switch (f[1], f.count) {
        case ("PROOF", 3): return .proof(mac: mac)
        case ("ALIVE", 3): return .alive(mac: mac)
        case ("REJECT", 4): return RejectReason(rawValue: String(f[2])).map { .reject($0, mac: mac) }
        default: return nil
        }
    }

    private static func isMac(_ text: String) -> Bool { text.utf8.count == 64 && text.utf8.allSatisfy(isLowerHex) }
    private static func isNonce(_ text: Substring) -> Bool {
        text.utf8.count == 32 && text.utf8.allSatisfy(isLowerHex)
    }
    private static func natural(_ text: Substring) -> Int? {
        guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }
}

/// The words of a line that is separated by single spaces. A search by bytes takes a fifth of the time of one by
/// characters.
func words(of line: String) -> [Substring] {
    line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map(Substring.init)
}
