/// Nonces of the newest requests with a valid mac. A request with one of these nonces is a copy: it proves nothing of its
/// sender, is not answered, and costs Redis nothing.
public struct SeenNonces: Sendable {
    public static let noncesMax = 4_096

    private var seen: Set<String> = []
    /// In the order of their arrival, once full from `next` on.
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
