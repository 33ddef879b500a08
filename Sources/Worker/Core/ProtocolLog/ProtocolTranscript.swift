import QueueCore

/// A session's socket as the lines of its protocol log: one JSON object a line, a first line with facts about the
/// session, one line a message, a last line with counts.
public struct ProtocolTranscript: Sendable {
    /// The facts of the first line.
    public struct Facts: Hashable, Sendable {
        public let lease: LeaseID
        /// 1 for the first connection of the lease.
        public let attach: Int
        /// The CI run of the client; empty for none.
        public let run: String
        public let pool: String
        public let worker: ProcessID
        public let slot: Int

        public init(lease: LeaseID, attach: Int, run: String, pool: String, worker: ProcessID, slot: Int) {
            self.lease = lease
            self.attach = attach
            self.run = run
            self.pool = pool
            self.worker = worker
            self.slot = slot
        }

        /// The name of the log's file. A lease has a file for each of its connections.
        public var fileName: String { "\(lease)-\(attach)\(ProtocolLogKeeping.nameEnd)" }
    }

    /// Messages of one side, and the bytes of their payload.
    private struct Count: Hashable, Sendable {
        var messages: UInt64 = 0
        var bytes: UInt64 = 0
    }

    public let facts: Facts
    public internal(set) var budget = ProtocolLogBudget()
    /// False once the file failed: then messages are only counted.
    private var isWritten = true
    private var client = FrameReader(.client)
    private var sidecar = FrameReader(.sidecar)
    private var counts: [LoggedSide: Count] = [:]
    /// Messages dropped since the last line.
    private var missing: UInt64 = 0

    public init(_ facts: Facts) { self.facts = facts }

    /// Messages of both sides so far.
    public var messages: UInt64 { counts.values.reduce(0) { $0 + $1.messages } }

    /// - Parameter start: the wall clock at the session's start, for readers only.
    public func firstLine(start: String) -> [UInt8] {
        Array(
            (#"{"kind":"start","start":"\#(start)","session":"\#(facts.lease)","attach":\#(facts.attach),"#
                + #""run":"#).utf8) + ProtocolTranscript.quoted(facts.run) + Array(#","pool":"#.utf8)
            + ProtocolTranscript.quoted(facts.pool)
            + Array(#","worker":"\#(facts.worker)","slot":\#(facts.slot)}"#.utf8) + [0x0A]
    }

    /// The next bytes of one side.
    /// - Parameters:
    ///   - milliseconds: since the session's start.
    ///   - write: takes a line with its newline; false if there is no room for it.
    public mutating func read(
        _ bytes: UnsafeRawBufferPointer, of side: LoggedSide, milliseconds: UInt64, write: ([UInt8]) -> Bool
    ) {
        let keepsText = isWritten && !budget.isFull
        let messages: [LoggedMessage]
        switch side {
        case .client:
            client.keepsText = keepsText
            messages = client.read(bytes)
        case .sidecar:
            sidecar.keepsText = keepsText
            messages = sidecar.read(bytes)
        }
        for message in messages { note(message, of: side, milliseconds, write) }
    }

    private mutating func note(
        _ message: LoggedMessage, of side: LoggedSide, _ milliseconds: UInt64, _ write: ([UInt8]) -> Bool
    ) {
        counts[side, default: Count()].messages += 1
        counts[side, default: Count()].bytes &+= message.bytes
        guard isWritten else { return budget.lost(messages: 1) }
        missing += 1
        guard budget.admits(side) else { return }
        let line = ProtocolTranscript.line(message, of: side, milliseconds, dropped: missing - 1)
        guard budget.take(lineBytes: line.count) else { return }
        guard write(line) else { return budget.lost(lineBytes: line.count) }
        missing = 0
    }

    /// The file failed, and so many messages that were written to it are lost. Later messages are only counted.
    public mutating func failed(messages: UInt64) {
        isWritten = false
        budget.lost(messages: messages)
    }

    public func lastLine(milliseconds: UInt64) -> [UInt8] {
        let sides = LoggedSide.allCases.map { side in
            let count = counts[side] ?? Count()
            return #""\#(side.rawValue)":{"messages":\#(count.messages),"bytes":\#(count.bytes)}"#
        }
        let dropped = budget.dropped
        return Array(
            (#"{"t":\#(ProtocolTranscript.seconds(milliseconds)),"kind":"end",\#(sides.joined(separator: ",")),"#
                + #""dropped":{"sampled":\#(dropped.sampled),"full":\#(dropped.full),"disk":\#(dropped.disk)}}"#).utf8)
            + [0x0A]
    }

    // MARK: Lines

    private static func line(
        _ message: LoggedMessage, of side: LoggedSide, _ milliseconds: UInt64, dropped: UInt64
    ) -> [UInt8] {
        var line: [UInt8] = []
        var kind = ""
        var more = ""
        var text: [UInt8]?
        switch message.kind {
        case .text(let bytes):
            kind = "text"
            text = bytes
            if UInt64(bytes.count) < message.bytes { more = #","truncated":true"# }
        case .binary: kind = "binary"
        case .compressed: kind = "compressed"
        case .close(let status):
            kind = "close"
            if let status { more = #","status":\#(status)"# }
        case .unreadable: kind = "unreadable"
        }
        line.reserveCapacity(160 + (text.map { $0.count + $0.count / 8 } ?? 0))
        line += #"{"t":\#(seconds(milliseconds)),"from":"\#(side.rawValue)","kind":"\#(kind)""#.utf8
        line += #","bytes":\#(message.bytes)"#.utf8
        if dropped > 0 { line += #","dropped":\#(dropped)"#.utf8 }
        line += more.utf8
        if let text {
            line += #","text":"#.utf8
            JSONText.append(text, isCut: !more.isEmpty, to: &line)
        }
        line += "}\n".utf8
        return line
    }

    private static func quoted(_ text: String) -> [UInt8] {
        var quoted: [UInt8] = []
        JSONText.append(Array(text.utf8), isCut: false, to: &quoted)
        return quoted
    }

    /// `1.500` for 1,500 ms.
    private static func seconds(_ milliseconds: UInt64) -> String {
        let rest = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }
}
