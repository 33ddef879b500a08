/// Recognises the end of a client's WebSocket connection (RFC 6455 sections 5.2 and 5.5.1).
public enum ClosingFrame {
    /// A client's longest Close frame: two bytes, the mask, 125 bytes of payload.
    public static let bytesMax = 131

    /// True if these bytes of a client end with a Close frame.
    ///
    /// The frames before are not parsed, so other payload may look like a Close frame. The caller must lose nothing by
    /// that.
    public static func ends(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 6 else { return false }
        for payload in 0...min(125, bytes.count - 6) {
            let start = bytes.count - 6 - payload
            if bytes[start] == 0x88 && bytes[start + 1] == 0x80 | UInt8(payload) { return true }
        }
        return false
    }
}
