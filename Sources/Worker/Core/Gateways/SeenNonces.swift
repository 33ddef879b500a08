/// Nonces of the newest requests with a valid mac. A request with one of these nonces is a copy. A copy proves nothing
/// about its sender, so the worker does not answer it and runs no script for it.
public struct SeenNonces: Sendable {
    public static let noncesMax = 4_096

    private var seen: Set<String> = []
    /// In the order of arrival; once full, the oldest is at `next`.
    private var order: [String] = []
    private var next = 0

    public init() {}

    /// True for a nonce that is new.
    public mutating func insert(_ nonce: String) -> Bool {
        guard seen.insert(nonce).inserted else { return false }
        if order.count < SeenNonces.noncesMax {
            order.append(nonce)
        } else {
            seen.remove(order[next])
            order[next] = nonce
            next = (next + 1) % SeenNonces.noncesMax
        }
        return true
    }
}
