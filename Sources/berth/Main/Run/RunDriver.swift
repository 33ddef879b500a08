import EventLoop
import Glibc
import SlotRun

/// The driver of the machine `SlotRun`: the gateway, the command, the signals and the terminal.
final class RunDriver {
    /// Until the request is sent again, at random within this range, because all clients of a gateway that went away come
    /// back at the same time.
    private static let pauseMilliseconds: ClosedRange<UInt64> = 500...1_500
    /// Between two looks at the place in line, on a terminal. For a log one look a line is enough.
    private static let placeMilliseconds: UInt64 = 2_000

    private let loop: Loop
    private let resolver: Resolver
    private let request: HoldRequest
    private let authorities: String?
    private let command: [String]
    private let alias = "run-\(String(Crypto.randomUInt64(), radix: 16))"
    private let status: StatusLine
    private var machine: SlotRun?
    private var gateway: GatewayCall?
    private var reader = HoldReader()
    private var heard: UInt64 = 0
    /// The gateway was silent for too long at the last look.
    private var wasSilent = false
    private var place: (call: GatewayCall, bytes: [UInt8])?
    private var process: ForegroundProcess?
    private var began: UInt64 = 0

    init(loop: Loop, _ request: HoldRequest, authorities: String?, command: [String]) {
        self.loop = loop
        resolver = Resolver(loop: loop)
        self.request = request
        self.authorities = authorities
        self.command = command
        status = StatusLine(loop: loop)
    }

    /// Ends the process.
    func run(waitMilliseconds: UInt64) -> Never {
        began = loop.now
        machine = SlotRun(now: loop.now, waitMilliseconds: waitMilliseconds)
        let all = [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2]
        do throws(SystemError) {
            let signals = try Signals(loop: loop, all.filter { !Process.ignores($0) }) { [self] number in
                let fromTerminal = [SIGINT, SIGQUIT].contains(number) && Self.isInForeground
                step { $0.signalled(number, reachesCommand: fromTerminal) }
            }
            defer { signals.close() }
            let between = status.isTerminal ? Self.placeMilliseconds : StatusLine.logMilliseconds
            loop.schedule(after: 1_000, repeating: between) { [self] in lookAtPlace() }
            loop.schedule(after: 5_000, repeating: 5_000) { [self] in lookForSilence() }
            step { [loop] in $0.begin(now: loop.now) }
            loop.run()
        } catch {
            Fatal("\(error)").end(code: SlotRun.failureCode)
        }
        exit(SlotRun.failureCode)
    }

    private func step(_ event: (inout SlotRun) -> SlotRun.Action) {
        guard var machine else { return }
        let action = event(&machine)
        self.machine = machine
        perform(action)
    }

    private func perform(_ action: SlotRun.Action) {
        switch action {
        case .none: break
        case .ask(let milliseconds): ask(waitMilliseconds: milliseconds)
        case .pause(let words):
            gateway?.close()
            status.wait("\(words); asking again")
            loop.schedule(after: UInt64.random(in: Self.pauseMilliseconds)) { [self] in
                step { [loop] in $0.pauseOver(now: loop.now) }
            }
        case .start(let line): start(line)
        case .signal(let number): process?.send(number)
        case .terminate(let words):
            status.say(words)
            gateway?.close()
            process?.send(SIGTERM)
            loop.schedule(after: SlotRun.graceMilliseconds) { [self] in step { $0.graceOver() } }
        case .kill: process?.send(SIGKILL)
        case .end(let code, let words):
            // The end of this connection gives the slot back, or leaves the queue.
            gateway?.close()
            if let words { status.say(words) } else { status.clear() }
            exit(code)
        }
    }

    // MARK: the gateway

    private func ask(waitMilliseconds: UInt64) {
        reader = HoldReader()
        heard = loop.now
        gateway = call(request.hold(alias: alias, waitMilliseconds: waitMilliseconds)) { [self] event in
            switch event {
            case .received(let bytes):
                heard = loop.now
                for answer in reader.read(bytes) { step { [loop] in $0.answered(answer, now: loop.now) } }
            case .ended(let words, let wasReached):
                if let answer = reader.end() { step { [loop] in $0.answered(answer, now: loop.now) } }
                step { [loop] in $0.disconnected(words, wasReached: wasReached, now: loop.now) }
            }
        }
    }

    private func call(_ bytes: [UInt8], _ onEvent: @escaping (GatewayCall.Event) -> Void) -> GatewayCall {
        GatewayCall(
            loop: loop, resolver: resolver, address: request.address, authorities: authorities, request: bytes,
            onEvent: onEvent)
    }

    private func lookForSilence() {
        let isSilent = machine?.state == .running && loop.now - heard > SlotRun.silenceMilliseconds
        defer { wasSilent = isSilent }
        // After a pause of this process (Ctrl-Z) the timer comes before the bytes that have arrived meanwhile.
        guard isSilent, wasSilent else { return }
        step { [loop] in
            $0.disconnected(
                "the gateway has sent nothing for \(SlotRun.silenceMilliseconds / 1_000) s", wasReached: true,
                now: loop.now)
        }
    }

    // MARK: the place in line

    private func lookAtPlace() {
        guard machine?.state == .asking else { return }
        place?.call.close()
        let look = call(request.place(alias: alias)) { [self] event in
            switch event {
            case .received(let bytes): place?.bytes += bytes
            case .ended:
                let bytes = place?.bytes ?? []
                place = nil
                guard machine?.state == .asking, let head = bytes.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]),
                    let line = WaitingLine(label: request.label, body: Array(bytes[head.upperBound...]))
                else { return }
                status.wait(line.words)
            }
        }
        place = (look, [])
    }

    // MARK: the command

    private func start(_ line: HeldSlotLine) {
        let seconds = Int((loop.now - began) / 1_000)
        if seconds > 0 { status.say("has \(line.lease) after \(WaitingLine.time(seconds: seconds))") }
        var environment = ProcessEnvironment.asTheyAre
        environment["BERTH_LEASE"] = line.lease
        environment["BERTH_SESSION"] = line.session
        environment["BERTH_URL"] = request.url(ofSession: line.session)
        do throws(SystemError) {
            process = try ForegroundProcess(loop: loop, arguments: command, environment: environment) { [self] exit in
                step {
                    switch exit {
                    case .code(let code): $0.commandEnded(.code(code))
                    case .signal(let number): $0.commandEnded(.signal(number))
                    }
                }
            }
        } catch {
            let code: Int32 = error.code == -ENOENT ? 127 : 126
            step { $0.startFailed(code: code, "\(error)") }
        }
    }

    /// The terminal sends its signals to the whole group that has it, and so to the command.
    private static var isInForeground: Bool {
        let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        guard terminal >= 0 else { return false }
        defer { close(terminal) }
        return tcgetpgrp(terminal) == getpgrp()
    }
}
