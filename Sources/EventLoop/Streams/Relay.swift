import Glibc

/// Sees the bytes that pass through a relay. May write final bytes to `a` when `b` ends.
public protocol RelayWitness: AnyObject {
    /// The next bytes of a side, valid only during the call. They are not written to the other side yet.
    func relay(_ relay: Relay, passed bytes: UnsafeRawBufferPointer, from side: Relay.Side)
    /// `b` has ended. The bytes returned are written to `a` before its FIN; empty for none.
    func relayLastWords(_ relay: Relay, cause: Relay.Cause) -> [UInt8]
    /// Called every `Relay.lookMilliseconds`, until a side ends.
    func relayLooks(_ relay: Relay)
}

/// Joins two streams: the bytes of each are written to the other, as fast as the slower one accepts them.
///
/// A side is not read while bytes for the other side are queued. So the relay buffers in the kernel's socket buffers
/// only. When a side ends, the other side gets all its bytes and then FIN, and has `lingerMilliseconds` for its own
/// end. When a side fails, the other side is reset, so that an abort stays an abort. Exception: if `b` fails and the
/// witness returns final bytes, `a` gets these bytes and ends in order.
public final class Relay {
    /// One of the two streams, as given to `init`.
    public enum Side: Hashable, Sendable { case a, b }

    /// Why the first side ended.
    public enum Cause: Hashable, Sendable {
        /// The side ended in order (FIN).
        case end
        /// The side failed.
        case error(SystemError)
        /// The owner called `close()`.
        case closed
    }

    /// The result of a relay that is over.
    public struct End: Hashable, Sendable {
        /// The side that ended first; nil if the owner closed the relay.
        public let first: Side?
        public let cause: Cause
        public let bytesAToB: UInt64
        public let bytesBToA: UInt64

        package init(first: Side?, cause: Cause, bytesAToB: UInt64, bytesBToA: UInt64) {
            self.first = first
            self.cause = cause
            self.bytesAToB = bytesAToB
            self.bytesBToA = bytesBToA
        }
    }

    /// Between two looks at the peers.
    static let lookMilliseconds: UInt64 = 10_000
    /// A peer whose machine acknowledges nothing for this time is gone.
    static let peerSilenceMilliseconds = 30_000

    private let a: Stream
    private let b: Stream
    private let loop: Loop
    private let lingerMilliseconds: UInt64
    private var onEnd: ((End) -> Void)?
    /// Called once if `b` ends before `a`, in order or so that the witness has final bytes. The relay goes on: it writes
    /// the last bytes to `a`, and `a` has its linger time.
    public var onBEnded: (() -> Void)?
    /// A strong reference while the relay lives.
    @exclusivity(unchecked) public var witness: (any RelayWitness)?
    /// Gets the bytes of each side after they were written to the other side; they are valid only during the call.
    @exclusivity(unchecked) public var tap: ((Side, UnsafeRawBufferPointer) -> Void)?
    private var linger: Timer?
    private var lookout: Timer?
    private var queuedAtLastCheck = 0
    @exclusivity(unchecked) public private(set) var bytesAToB: UInt64 = 0
    @exclusivity(unchecked) public private(set) var bytesBToA: UInt64 = 0
    private var aEnded = false
    private var bEnded = false
    private var first: Side?
    private var cause = Cause.closed

    /// Takes over both streams and starts reading them. `onEnd` is called once, when both are closed. Bytes that the
    /// peer of `a` sent before must have been written to `b` already; they may still be queued there.
    public init(
        _ a: Stream, _ b: Stream, lingerMilliseconds: UInt64, loop: Loop, onEnd: @escaping (End) -> Void
    ) {
        self.a = a
        self.b = b
        self.loop = loop
        self.lingerMilliseconds = lingerMilliseconds
        self.onEnd = onEnd
        a.delegate = self
        b.delegate = self
        resume(a, unlessQueuedOn: b)
        resume(b, unlessQueuedOn: a)
        lookout = loop.schedule(after: Relay.lookMilliseconds, repeating: Relay.lookMilliseconds) { self.look() }
    }

    /// Finds a peer that vanished while bytes are on their way to it: the kernel would send them again for a quarter of
    /// an hour, and sends no keepalive meanwhile.
    private func look() {
        for side in [a, b] where side.unacknowledgedMilliseconds >= Relay.peerSilenceMilliseconds {
            return stream(side, failed: SystemError(code: -ETIMEDOUT, operation: "write"))
        }
        if first == nil { witness?.relayLooks(self) }
    }

    /// Writes bytes to a side between the bytes of the other one.
    public func insert(_ bytes: [UInt8], to side: Side) { (side == .a ? a : b).write(bytes) }

    /// Bytes for a side that it has not accepted yet.
    public func queuedBytes(to side: Side) -> Int { (side == .a ? a : b).queuedBytes }

    /// Closes both sides and calls `onEnd`, if it was not called before.
    public func close() {
        a.close()
        b.close()
        end()
    }

    /// Closes `b`, and ends `a` in order, with the witness' final bytes.
    public func finish() {
        guard onEnd != nil, !bEnded else { return close() }
        note(b, .closed)
        closeB(finalBytes: witness?.relayLastWords(self, cause: .closed) ?? [])
    }

    private func closeB(finalBytes bytes: [UInt8]) {
        bEnded = true
        b.close()
        if !bytes.isEmpty { a.write(bytes) }
        a.finish()
        a.startReading()
        if linger == nil { restartLinger() }
        closeWhenFlushed()
    }

    private func other(_ stream: Stream) -> Stream { stream === a ? b : a }

    private func resume(_ stream: Stream, unlessQueuedOn other: Stream) {
        let ended = stream === a ? aEnded : bEnded
        if other.queuedBytes > 0 || ended {
            stream.stopReading()
        } else {
            stream.startReading()
        }
    }

    private func note(_ stream: Stream, _ cause: Cause) {
        guard first == nil else { return }
        first = stream === a ? .a : .b
        self.cause = cause
    }

    private func closeWhenFlushed() {
        if aEnded && bEnded && a.queuedBytes == 0 && b.queuedBytes == 0 { close() }
    }

    /// Bytes of the side that ended first that the other side has not accepted yet.
    private var bytesToFlush: Int { (first == .a ? b : a).queuedBytes }

    private func restartLinger() {
        linger?.cancel()
        queuedAtLastCheck = bytesToFlush
        linger = loop.schedule(after: lingerMilliseconds) { self.lingerOver() }
    }

    /// A slow reader that still accepts bytes gets more time. If it accepts none, the relay closes.
    private func lingerOver() {
        let queued = bytesToFlush
        if queued > 0 && queued < queuedAtLastCheck {
            restartLinger()
        } else {
            close()
        }
    }

    private func end() {
        guard let call = onEnd else { return }
        onEnd = nil
        linger?.cancel()
        linger = nil
        lookout?.cancel()
        lookout = nil
        witness = nil
        tap = nil
        onBEnded = nil
        call(End(first: first, cause: cause, bytesAToB: bytesAToB, bytesBToA: bytesBToA))
    }
}

extension Relay: StreamDelegate {
    public func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        let target: Stream
        if stream === a {
            bytesAToB &+= UInt64(bytes.count)
            witness?.relay(self, passed: bytes, from: .a)
            target = b
        } else {
            bytesBToA &+= UInt64(bytes.count)
            witness?.relay(self, passed: bytes, from: .b)
            target = a
        }
        target.write(bytes)
        tap?(stream === a ? .a : .b, bytes)
        if target.queuedBytes > 0 { stream.stopReading() }
    }

    public func streamDrained(_ stream: Stream) {
        let source = other(stream)
        resume(source, unlessQueuedOn: stream)
        guard source === a ? aEnded : bEnded else { return }
        // The last bytes of the side that ended are written. The other side's linger time starts now.
        restartLinger()
        closeWhenFlushed()
    }

    public func streamReachedEnd(_ stream: Stream) {
        note(stream, .end)
        if stream === a {
            aEnded = true
        } else {
            bEnded = true
            if let words = witness?.relayLastWords(self, cause: .end), !words.isEmpty { a.write(words) }
        }
        other(stream).finish()
        if linger == nil { restartLinger() }
        closeWhenFlushed()
        if stream === b { reportBEnded() }
    }

    private func reportBEnded() {
        guard first == .b else { return }
        let call = onBEnded
        onBEnded = nil
        call?()
    }

    public func stream(_ stream: Stream, failed error: SystemError) {
        note(stream, .error(error))
        if stream === b, !aEnded, let words = witness?.relayLastWords(self, cause: .error(error)), !words.isEmpty {
            closeB(finalBytes: words)
            return reportBEnded()
        }
        stream.close()
        other(stream).reset()
        end()
    }
}
