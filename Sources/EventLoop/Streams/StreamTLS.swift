/// The TLS of one stream: its session, and what waits for the end of the handshake.
final class StreamTLS {
    /// Most bytes that the owner may write before the handshake is over.
    static let earlyBytesMax = 1_048_576
    /// Most writes in the stream's queue when a peer asks for an answer of TLS itself. A peer that asks on and reads
    /// none would fill the memory.
    static let writesQueuedMax = 64

    let context: TLSContext
    /// Nil at a server until the peer's first bytes, so that a silent connection costs no session.
    var session: TLSSession?
    /// Bytes that the owner wrote before the handshake was over.
    var early: [UInt8] = []
    /// The peer's end arrived while the owner did not read.
    var endIsDue = false
    /// The stream has sent its FIN. An answer of TLS itself comes too late.
    var isFinished = false

    init(context: TLSContext) { self.context = context }

    var isEstablished: Bool { session?.isEstablished ?? false }
}

extension Stream {
    /// Speaks TLS as a server. Before anything is read or written.
    ///
    /// The owner sees plaintext only, and may write at once. If the peer's first byte is not that of TLS, the owner
    /// gets the bytes as they are, and the stream stays a plain one (`isEncrypted`).
    public func secure(asServer context: TLSContext) {
        tls = StreamTLS(context: context)
    }

    /// Speaks TLS as a client, from this call on. Nothing that the owner writes is sent before the server has proved to
    /// be `peer`. An error is reported later.
    public func secure(asClient context: TLSContext, of peer: TLSPeer) {
        let tls = StreamTLS(context: context)
        self.tls = tls
        do throws(TLSFailure) {
            let session = try TLSSession(context, expecting: peer, buffers: loop.tlsBuffers)
            tls.session = session
            sendOutput(of: session, tls)
        } catch {
            failLater(.tls(error))
        }
    }

    /// The peer speaks TLS, or has sent nothing yet and must speak TLS.
    public var isEncrypted: Bool { tls != nil }

    /// The handshake is not over.
    public var isHandshaking: Bool { tls?.isEstablished == false }

    // MARK: Reading

    func receive(_ bytes: UnsafeRawBufferPointer, _ tls: StreamTLS) {
        if tls.session == nil, bytes.first != TLSSession.firstByte { return becomePlain(bytes, tls) }
        do throws(TLSFailure) {
            let session = try session(of: tls)
            let wasEstablished = session.isEstablished
            let (plain, outcome) = session.receive(bytes)
            if session.output.count > 0, wasEstablished, writesQueued >= StreamTLS.writesQueuedMax {
                throw TLSFailure("TLS: the peer asks for answers and reads none")
            }
            sendOutput(of: session, tls)
            if !wasEstablished, session.isEstablished { try sendEarly(tls, session) }
            if plain.count > 0 { delegate?.stream(self, received: plain) }
            if !isClosed { try react(to: outcome, tls) }
        } catch {
            fail(.tls(error))
        }
    }

    private func session(of tls: StreamTLS) throws(TLSFailure) -> TLSSession {
        if let session = tls.session { return session }
        let session = try TLSSession(tls.context, expecting: nil, buffers: loop.tlsBuffers)
        tls.session = session
        return session
    }

    private func react(to outcome: TLSSession.Outcome, _ tls: StreamTLS) throws(TLSFailure) {
        switch outcome {
        case .open: break
        case .ended:
            tls.endIsDue = true
            if isReading { reportEnd(tls) }
        case .failed(let failure): throw failure
        }
    }

    /// The plaintext that waits here is dropped: it must not pass in the clear.
    private func becomePlain(_ bytes: UnsafeRawBufferPointer, _ tls: StreamTLS) {
        self.tls = nil
        if isFinishing { endSending() }
        delegate?.stream(self, received: bytes)
    }

    private func reportEnd(_ tls: StreamTLS) {
        tls.endIsDue = false
        stopReading()
        delegate?.streamReachedEnd(self)
    }

    /// Reading has started. The peer may have ended before.
    func reportDueEnd(_ tls: StreamTLS) {
        guard tls.endIsDue else { return }
        loop.afterThisTurn { [self] in
            if tls.endIsDue, isReading { reportEnd(tls) }
        }
    }

    // MARK: Writing

    /// Encrypts and sends, once the handshake is over.
    func write(_ bytes: UnsafeRawBufferPointer, _ tls: StreamTLS) {
        do throws(TLSFailure) {
            if let session = tls.session, session.isEstablished {
                try send(bytes, session)
            } else if tls.early.count + bytes.count <= StreamTLS.earlyBytesMax {
                tls.early += bytes
            } else {
                throw TLSFailure("TLS handshake: too much is written before it is over")
            }
        } catch {
            failLater(.tls(error))
        }
    }

    private func send(_ bytes: UnsafeRawBufferPointer, _ session: TLSSession) throws(TLSFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try session.send(UnsafeRawBufferPointer(rebasing: rest.prefix(TLSSession.sendBytesMax)))
            send(session.output)
            rest = rest.dropFirst(TLSSession.sendBytesMax)
        }
    }

    private func sendEarly(_ tls: StreamTLS, _ session: TLSSession) throws(TLSFailure) {
        let early = tls.early
        tls.early = []
        // `withUnsafeBytes` passes no typed error on.
        let result = early.withUnsafeBytes { bytes in
            Result<Void, TLSFailure> { () throws(TLSFailure) in try send(bytes, session) }
        }
        try result.get()
        if isFinishing { return finish(tls) }
        guard !early.isEmpty, writesQueued == 0 else { return }
        // Not from inside this call: the plaintext of the peer is still in the loop's buffer.
        loop.afterThisTurn { [self] in
            if writesQueued == 0 { delegate?.streamDrained(self) }
        }
    }

    private func sendOutput(of session: TLSSession, _ tls: StreamTLS) {
        if session.output.count > 0, !tls.isFinished { send(session.output) }
    }

    /// Ends the sending side after the handshake: close_notify, then FIN.
    func finish(_ tls: StreamTLS) {
        guard let session = tls.session, session.isEstablished else { return }
        session.end()
        sendOutput(of: session, tls)
        tls.isFinished = true
        endSending()
    }
}
