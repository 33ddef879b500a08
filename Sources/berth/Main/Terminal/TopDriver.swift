import EventLoop
import Glibc
import Queue
import QueueCore
import Terminal

/// Reads the fleet each second for `berth top`, and draws or prints it.
final class TopDriver {
    private static let pauseMilliseconds: UInt64 = 1_000
    /// Redis spends at most a tenth of its time on looks: a fleet that takes long to read is read less often.
    private static let pauseFactor: UInt64 = 9
    /// After this time without an answer, the view is called old.
    private static let oldMilliseconds: UInt64 = 3_000
    private static let firstAnswerMilliseconds: UInt64 = 30_000
    private static let drawnWaitersMax = 100

    private let call: FleetCall
    private let inspector: Inspector
    private let screen = Screen()
    private var top: TopScreen
    private var view: FleetView?
    private var trouble: String?
    private var heard: UInt64 = 0
    private var onView: ((FleetView) -> Void)?
    private var keys: TerminalKeys?
    private var signals: Signals?

    init(_ call: FleetCall, _ top: TopScreen) {
        self.call = call
        self.top = top
        inspector = call.inspector()
    }

    // MARK: - In a log

    /// Prints what `text` makes of each view. Ends the process.
    func print(once: Bool, _ text: @escaping (FleetView, TopScreen) -> String) -> Never {
        onView = { [self] view in
            // A reader that has seen enough closes the pipe.
            let isRead = Screen.write(text(view, top))
            if once || !isRead { exit(isRead ? 0 : 1) }
        }
        look()
        awaitFirst()
        call.loop.run()
        exit(1)
    }

    // MARK: - On a terminal

    /// Draws until a key or a signal ends it. Ends the process.
    func show() throws -> Never {
        look()
        awaitFirst()
        signals = try Signals(
            loop: call.loop, [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT]
        ) { [self] in received($0) }
        // Without a controlling terminal, signals alone end it.
        keys = try? TerminalKeys(loop: call.loop, onKeys: { [self] in pressed($0) }, onEnd: { [self] in end(129) })
        screen.enter()
        onView = { [self] _ in draw() }
        draw()
        call.loop.schedule(after: Self.pauseMilliseconds, repeating: Self.pauseMilliseconds) { [self] in
            if call.loop.now - heard > Self.oldMilliseconds { draw() }
        }
        call.loop.run()
        end(1)
    }

    private func end(_ code: Int32) -> Never {
        screen.leave()
        exit(code)
    }

    private func received(_ signal: Int32) {
        switch signal {
        case SIGWINCH: draw()
        case SIGCONT:
            screen.enter()
            draw()
        case SIGTSTP:
            screen.leave()
            raise(SIGSTOP)
        default: end(128 + signal)
        }
    }

    private func pressed(_ bytes: [UInt8]) {
        for key in bytes {
            switch top.press(key) {
            case .nothing: continue
            case .draw: draw()
            case .quit: end(0)
            }
        }
    }

    private func draw() {
        guard let view else { return }
        let (columns, rows) = Screen.size
        let silence = call.loop.now - heard
        let old = silence > Self.oldMilliseconds ? "Redis did not answer for \(silence / 1_000) s: this is old" : nil
        let lines = top.lines(view, fleet: call.fleet, trouble: trouble ?? old, columns: columns, rows: rows)
        if !screen.draw(lines.map { $0.text(inColour: Output.isColoured) }) { end(1) }
    }

    // MARK: - Looks

    private func awaitFirst() {
        if call.loop.run(until: { view != nil }, timeoutMilliseconds: Self.firstAnswerMilliseconds) { return }
        call.cannotAsk("no answer in \(Self.firstAnswerMilliseconds / 1_000) s")
    }

    private func look() {
        let began = call.loop.now
        inspector.fleet(waiters: Self.drawnWaitersMax) { [self] result in
            let now = call.loop.now
            switch result {
            case .success(let seen):
                view = seen
                top.look(at: seen)
                trouble = nil
                heard = now
                onView?(seen)
            case .failure(let failure) where view == nil: call.cannotAsk("\(failure)")
            case .failure(let failure):
                trouble = "\(failure.sentence). This is old"
                if signals == nil { Fatal.warn(Printable.text(failure.sentence)) } else { draw() }
            }
            call.loop.schedule(after: max(Self.pauseMilliseconds, (now - began) * Self.pauseFactor)) { [self] in look()
            }
        }
    }
}
