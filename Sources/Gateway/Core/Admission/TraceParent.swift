/// The trace id of a `traceparent` (W3C Trace Context, 3.2.2): 32 hex digits in lower case. Empty if the text is none, or
/// if the id is all zeros, which the standard forbids.
func traceID(_ traceparent: String) -> String {
    let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false)
    func isHex(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
    guard parts.count >= 4, isHex(parts[0], 2), parts[0] != "ff", isHex(parts[1], 32), isHex(parts[2], 16),
        isHex(parts[3], 2), parts[1].contains(where: { $0 != "0" }), parts[0] != "00" || parts.count == 4
    else { return "" }
    return String(parts[1])
}
