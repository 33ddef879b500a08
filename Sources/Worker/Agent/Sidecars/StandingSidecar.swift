import EventLoop
import WorkerCore

/// A sidecar that this worker does not start: it is there from the beginning, and nothing ends with it.
final class StandingSidecar: SidecarRun {
    /// The result of a look at it.
    enum Sight {
        /// It serves clients, at this endpoint if it has one.
        case stands(at: SidecarEndpoint?)
        case fails(String)
    }
    typealias Look = (_ done: @escaping (Sight) -> Void) -> Void

    let pid: Int32? = nil
    private let loop: Loop
    private let look: Look
    private var onEvent: ((SidecarRunEvent) -> Void)?
    /// A look has succeeded.
    private var hasStood = false

    /// - Parameter look: calls back once.
    init(loop: Loop, look: @escaping Look, onEvent: @escaping (SidecarRunEvent) -> Void) {
        self.loop = loop
        self.look = look
        self.onEvent = onEvent
        loop.afterThisTurn { self.onEvent?(.announced(nil)) }
    }

    func hasten() {}

    /// If the first look fails, the sidecar has ended, so that its supervisor waits longer and longer, and says why.
    func probe(done: @escaping (_ passed: Bool) -> Void) {
        look { [self] sight in
            loop.afterThisTurn { [self] in
                guard let call = onEvent else { return }
                switch sight {
                case .stands(let endpoint):
                    hasStood = true
                    call(.announced(endpoint))
                    done(true)
                case .fails(let why):
                    if hasStood { done(false) } else { end("unreachable", why) }
                }
            }
        }
    }

    func terminate() { loop.afterThisTurn { self.end("released") } }

    func kill() { terminate() }

    private func end(_ exit: String, _ words: String = "") {
        guard let call = onEvent else { return }
        onEvent = nil
        call(
            .exited(
                SidecarEnding(
                    exit: exit, words: LastWords(stdout: Array(words.utf8), stderr: []), droppedBytes: 0, left: 0)))
    }
}
