import QueueCore

/// How a wait ended without a session.
public enum WaitEnd: Hashable, Sendable {
    /// The client closed its connection.
    case left
    /// The client broke the protocol while it waited.
    case broke
    /// - Parameter obstacle: why there was no slot; nil if Redis did not say it in time.
    case timedOut(_ obstacle: Obstacle?)
    case shuttingDown
    /// Redis was away and had never taken the waiter.
    case storeUnavailable
    /// Three distinct workers failed, and no other fits.
    case workersFailed
    /// An operator, a tenant or an alias ended it.
    case gone(EndReason)
    /// The queue did not take the waiter.
    case notQueued(QueueRefusal)
}

extension WaitEnd {
    /// The answer to the client; `nil` if the client has left.
    /// - Parameters:
    ///   - waitedMilliseconds: since the request was admitted.
    ///   - directory: the pools that a refusal may name.
    public func refusal(
        for request: WaitRequest, waitedMilliseconds: UInt64, _ directory: PoolDirectory?
    ) -> Refusal? {
        let asked = words(for: request.selector)
        switch self {
        case .left: return nil
        case .broke: return .bytesBehindHead
        case .timedOut(let obstacle):
            if !request.mayWait { return Refusal(.wouldWait, "No \(asked) is free, and wait=0 was asked") }
            let milliseconds = min(request.waitMilliseconds, Int(clamping: waitedMilliseconds))
            let seconds = max(1, (milliseconds + 500) / 1_000)
            return Refusal(
                .waitTimeout, "No \(asked) in \(seconds) s: \(obstacle.words(tenant: request.tenant))",
                reason: obstacle?.reason ?? .recovering)
        case .shuttingDown: return .shuttingDown
        case .storeUnavailable: return .storeUnavailable
        case .workersFailed:
            return Refusal(
                .workerFailed, "Three workers in a row could not serve this client, and no other has a \(asked)")
        case .gone(.request): return Refusal(.gone, "This wait was ended by request")
        case .gone(.alias):
            return Refusal(.gone, "Another client came with the alias \(request.alias) and has this one's place")
        case .notQueued(let reason): return reason.refusal(asked: asked, request, directory)
        }
    }
}

extension Obstacle? {
    func words(tenant: String) -> String {
        guard let self else { return "the queue's store did not answer" }
        return switch self.reason {
        case .tenantCap: "tenant \(tenant) holds \(self.held) of its \(self.cap)"
        case .capacity: "all slots that fit are in use"
        case .noWorker: "no worker that offers one is running; start one, or check the label and the workers' log"
        case .paused: "an operator paused the pools that offer one"
        case .recovering: "the queue is restoring what its store lost, and grants nothing meanwhile"
        }
    }
}

extension QueueRefusal {
    func refusal(asked: String, _ request: WaitRequest, _ directory: PoolDirectory?) -> Refusal {
        let tenant = request.tenant
        return switch self {
        case .unknownPool:
            Refusal(
                .unknownPool,
                "No worker ever offered a \(asked); check the label, the browser and the workers"
                    + (directory.map { "; \($0.words)" } ?? ""))
        case .versionMismatch(let versions):
            Refusal(
                .versionMismatch,
                "No worker has a \(asked); there "
                    + (versions.isEmpty
                        ? "is none of any version"
                        : "\(versions.count == 1 ? "is" : "are") \(versions.joined(separator: ", "))")
                    + ". Client and server must share Playwright's major.minor")
        case .tenantQueueFull(let max):
            Refusal(.tenantQueueFull, "Tenant \(tenant) has \(max) clients waiting already, its limit")
        case .queueFull(let max): Refusal(.queueFull, "\(max) clients wait in this fleet already, its limit")
        case .tooManySelectors:
            Refusal(.tooManySelectors, "Tenant \(tenant) waits for too many different kinds of slots at once")
        case .storeFull:
            Refusal(.storeUnavailable, "The queue's store is out of memory; those who wait are still served")
        case .wouldWait: Refusal(.wouldWait, "No \(asked) is free, and wait=0 was asked")
        case .aliasTaken:
            Refusal(.aliasTaken, "Another client of tenant \(tenant) waits or is served as \(request.alias)")
        }
    }
}

extension Refusal {
    public static let shuttingDown = Refusal(
        .shuttingDown, "This gateway is shutting down; connect again to reach another")
    public static let storeUnavailable = Refusal(
        .storeUnavailable, "The queue's store cannot be reached; those who wait keep their place")
    /// The worker proved itself, and ended before its sidecar answered or during the session.
    public static let workerLost = Refusal(
        .workerFailed,
        "The worker or its sidecar ended before the session did, or the sidecar answered nothing in time; connect again"
    )
    public static let gatewayFull = Refusal(.gatewayFull, "This gateway holds as many connections as it can")
    public static func tenantConnections(_ tenant: String, max: Int) -> Refusal {
        Refusal(.tenantConnections, "Tenant \(tenant) has \(max) connections at this gateway already, its limit")
    }
    public static let headTimeout = Refusal(.headTimeout, "The request head was not complete in 10 s")
}

/// Words such as `chromium slot for Playwright 1.65 with label AppA:*`. Parts that the selector leaves open are left out.
private func words(for selector: Selector) -> String {
    var text = selector.browser.isEmpty ? "slot" : "\(selector.browser) slot"
    if let slotProtocol = selector.slotProtocol { text += " for \(words(for: slotProtocol))" }
    if !selector.version.isEmpty { text += " \(selector.version)" }
    if !selector.pattern.isEmpty { text += " with label \(selector.pattern)" }
    return text
}

private func words(for slotProtocol: SlotProtocol) -> String {
    switch slotProtocol {
    case .playwright: "Playwright"
    case .cdp: "CDP"
    case .bidi: "WebDriver BiDi"
    case .raw: "raw clients"
    case .lease: "holders of a lease"
    }
}
