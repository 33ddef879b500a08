import EventLoop

/// One client: a head, then frames. It does not read while bytes to the client are queued.
final class EchoConnection: StreamDelegate {
    private enum State { case head([UInt8]), open(FrameEcho), ended }

    private let stream: Stream
    private let scratch: Scratch
    private let onEnd: (EchoConnection) -> Void
    private var state = State.head([])

    init(stream: Stream, scratch: Scratch, onEnd: @escaping (EchoConnection) -> Void) {
        self.stream = stream
        self.scratch = scratch
        self.onEnd = onEnd
        stream.delegate = self
        stream.startReading()
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        switch state {
        case .head(let before): read(head: before + Array(bytes))
        case .open(var frames):
            state = .ended  // releases the state's copy, so that `frames` changes in place
            let output = scratch.room(for: bytes.count + FrameEcho.growthMax)
            let (written, outcome) = frames.echo(bytes, to: output)
            let asked = frames.takeRequests()
            state = .open(frames)
            stream.write(UnsafeRawBufferPointer(start: output, count: written))
            for bytes in asked { answer(bytes: bytes) }
            switch outcome {
            case .open: if stream.queuedBytes > 0 { stream.stopReading() }
            case .closed: stream.finish()
            case .broken: end()
            }
        case .ended: break
        }
    }

    func streamReachedEnd(_ stream: Stream) { end() }

    func streamDrained(_ stream: Stream) {
        if case .open = state { stream.startReading() }
    }

    func stream(_ stream: Stream, failed error: SystemError) { end() }

    private func read(head bytes: [UInt8]) {
        let end = Array("\r\n\r\n".utf8)
        guard let at = bytes.indices.dropLast(3).first(where: { Array(bytes[$0..<$0 + 4]) == end }) else {
            if bytes.count > Handshake.headMax { return self.end() }
            state = .head(bytes)
            return
        }
        let (text, opens) = Handshake.answer(to: String(decoding: bytes[..<at], as: UTF8.self))
        stream.write(text)
        guard opens else {
            state = .ended
            return stream.finish()
        }
        state = .open(FrameEcho())
        let rest = Array(bytes[(at + 4)...])
        if !rest.isEmpty { rest.withUnsafeBytes { stream(stream, received: $0) } }
    }

    /// Writes a binary frame of this many bytes, whatever they are.
    private func answer(bytes count: Int) {
        let output = scratch.room(for: count + 10)
        output.storeBytes(of: 0x82, as: UInt8.self)
        output.storeBytes(of: 127, toByteOffset: 1, as: UInt8.self)
        for index in 0..<8 {
            output.storeBytes(
                of: UInt8(truncatingIfNeeded: count >> (56 - 8 * index)), toByteOffset: 2 + index, as: UInt8.self)
        }
        stream.write(UnsafeRawBufferPointer(start: output, count: count + 10))
    }

    private func end() {
        state = .ended
        stream.close()
        onEnd(self)
    }
}

/// One buffer for all connections of the loop, because the stream writes or copies an answer before the next is made.
final class Scratch {
    private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 512 * 1_024, alignment: 8)

    func room(for count: Int) -> UnsafeMutableRawPointer {
        if count > buffer.count {
            buffer.deallocate()
            buffer = .allocate(byteCount: count, alignment: 8)
        }
        return buffer.baseAddress!
    }

    deinit { buffer.deallocate() }
}
