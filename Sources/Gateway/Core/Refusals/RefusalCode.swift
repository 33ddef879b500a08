/// Every way a request may end without a slot. The raw value is what users, logs and metrics see; it never changes.
public enum RefusalCode: String, CaseIterable, Sendable {
    case badRequest = "bad_request"
    case unauthorized
    case forbidden
    case notFound = "not_found"
    case unknownPool = "unknown_pool"
    case aliasTaken = "alias_taken"
    case gone
    case headTimeout = "head_timeout"
    case headTooLarge = "head_too_large"
    case upgradeRequired = "upgrade_required"
    case versionMismatch = "version_mismatch"
    case tenantConnections = "tenant_connections"
    case tenantQueueFull = "tenant_queue_full"
    case queueFull = "queue_full"
    case tooManySelectors = "too_many_selectors"
    case wouldWait = "would_wait"
    case workerFailed = "worker_failed"
    case waitTimeout = "wait_timeout"
    case shuttingDown = "shutting_down"
    case storeUnavailable = "store_unavailable"
    case gatewayFull = "gateway_full"

    /// One row of the table of refusals.
    public struct Row: Hashable, Sendable {
        /// The HTTP statuses it may carry, the usual one first.
        public let statuses: [Int]
        /// The WebSocket close code it becomes once 101 was answered; `nil` where it can only come before.
        public let closeCode: Int?
        /// Whether the same request may succeed later: it then carries `Retry-After`.
        public let retries: Bool
        /// Header lines of its own.
        public let headers: [String]

        init(_ statuses: [Int], close: Int?, retries: Bool = false, headers: [String] = []) {
            self.statuses = statuses
            self.closeCode = close
            self.retries = retries
            self.headers = headers
        }
    }

    /// The table: the one place that says what each refusal looks like.
    public var row: Row {
        switch self {
        case .badRequest: Row([400, 405, 411, 413], close: 1008)
        case .unauthorized:
            Row([401], close: 1008, headers: ["WWW-Authenticate: Bearer realm=\"berth\", Basic realm=\"berth\""])
        case .forbidden: Row([403], close: 1008)
        case .notFound: Row([404], close: nil)
        case .unknownPool: Row([404], close: 1008)
        case .aliasTaken: Row([409], close: 1008)
        case .gone: Row([410], close: 1001)
        case .headTimeout: Row([408], close: nil)
        case .headTooLarge: Row([431], close: nil)
        case .upgradeRequired: Row([426], close: nil, headers: ["Upgrade: websocket", "Sec-WebSocket-Version: 13"])
        case .versionMismatch: Row([428], close: 1008)
        case .tenantConnections, .tenantQueueFull, .queueFull, .tooManySelectors, .wouldWait:
            Row([429], close: 1013, retries: true)
        case .workerFailed: Row([502], close: 1011, retries: true)
        case .waitTimeout: Row([503], close: 1013, retries: true)
        case .shuttingDown, .storeUnavailable, .gatewayFull: Row([503], close: 1012, retries: true)
        }
    }
}
