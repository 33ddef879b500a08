import EventLoop
import WorkerCore

/// Asks a browser's debugging port for the path of its socket.
final class DebuggerQuestion: StreamDelegate {
    private let authority: String
    private var done: ((Result<String, WorkerFailure>) -> Void)?
    private var attempt: ConnectAttempt?
    private var stream: Stream?
    private var timer: Timer?
    private var answer: [UInt8] = []

    /// - Parameter done: called once, never from inside this call.
    init(_ address: SocketAddress, loop: Loop, done: @escaping (Result<String, WorkerFailure>) -> Void) {
        authority = address.description
        self.done = done
        timer = loop.schedule(after: WorkerLimits.probeMilliseconds) { [weak self] in
            self?.end(.failure(WorkerFailure("it did not answer in \(WorkerLimits.probeMilliseconds) ms")))
        }
        attempt = Stream.connect(loop: loop, to: address, timeoutMilliseconds: WorkerLimits.probeMilliseconds) {
            [weak self] result in
            guard let self else {
                if case .success(let stream) = result { stream.close() }
                return
            }
            attempt = nil
            switch result {
            case .success(let stream): ask(stream)
            case .failure(let error): end(.failure(WorkerFailure("\(error)")))
            }
        }
    }

    private func ask(_ stream: Stream) {
        self.stream = stream
        stream.delegate = self
        stream.startReading()
        stream.write(
            "GET /json/version HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\nUser-Agent: berth-probe\r\n\r\n")
    }

    private func end(_ result: Result<String, WorkerFailure>) {
        guard let call = done else { return }
        done = nil
        timer?.cancel()
        attempt?.cancel()
        stream?.close()
        call(result)
    }

    private func look(isEnded: Bool) {
        switch DebuggerAnswer.read(answer, isEnded: isEnded) {
        case .incomplete: break
        case .path(let path): end(.success(path))
        case .unusable(let why): end(.failure(WorkerFailure(why)))
        }
    }

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        answer += bytes.prefix(DebuggerAnswer.answerBytesMax - answer.count)
        look(isEnded: false)
    }

    func streamReachedEnd(_ stream: Stream) { look(isEnded: true) }
    func streamDrained(_ stream: Stream) {}
    func stream(_ stream: Stream, failed error: SystemError) { end(.failure(WorkerFailure("\(error)"))) }
}
