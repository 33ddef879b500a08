/// All reasons why a request ends without a slot. Users, logs and metrics see the raw values, which never change.
public enum RefusalCode: String, CaseIterable, Sendable {
    case badRequest = "bad_request"
    case unauthorized
    case forbidden
    case notFound = "not_found"
    case unknownPool = "unknown_pool"
    case alreadyAttached = "already_attached"
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
        /// The HTTP statuses that the answer may have, the usual one first.
        public let statuses: [Int]
        /// The WebSocket close code if 101 was sent before; `nil` if this refusal cannot follow a 101.
        public let closeCode: Int?
        /// True if the same request may succeed later. The answer then has `Retry-After`.
        public let retries: Bool
        /// Header lines of each answer with this code.
        public let headers: [String]

        init(_ statuses: [Int], close: Int?, retries: Bool = false, headers: [String] = []) {
            self.statuses = statuses
            self.closeCode = close
            self.retries = retries
            self.headers = headers
        }
    }

    /// The table: each refusal's statuses, close code and headers are written here only.
    public var row: Row {
        switch self {
        case .badRequest: Row([400, 405, 411, 413], close: 1008)
        case .unauthorized:
            Row([401], close: 1008, headers: ["WWW-Authenticate: Bearer realm=\"berth\", Basic realm=\"berth\""])
        case .forbidden: Row([403], close: 1008)
        case .notFound: Row([404], close: nil)
        case .unknownPool: Row([404], close: 1008)
        case .alreadyAttached: Row([409], close: 1008)
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
