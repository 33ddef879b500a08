/// Reads one request head of HTTP/1.1, strictly (RFC 9112), as its bytes arrive.
///
/// It refuses every form that two parsers might read differently: line ends other than CRLF, folded lines, a space
/// before a colon, fields given twice that must be single, any framing but a plain `Content-Length`, any target but a
/// path.
/// It reads each byte once. The verdict depends on the bytes, not on how they are split into pieces.
package struct HeadParser: Sendable {
    /// The longest head, its empty last line included.
    package static let bytesMax = 16 * 1_024
    package static let fieldsMax = 100

    /// The verdict on the bytes so far.
    package enum Step: Hashable, Sendable {
        case needMore
        /// - Parameter leftover: how many bytes came after the head.
        case head(RequestHead, leftover: Int)
        case refused(HTTPFault)
    }

    private var bytes: [UInt8] = []
    private var scanned = 0
    private var lineStart = 0
    private var requestLine: RequestLine?
    private var fields: [RequestHead.Field] = []

    package init() {}

    /// Takes the next bytes. Do not call it after `.head` or `.refused`.
    package mutating func feed(_ more: some Collection<UInt8>) -> Step {
        // Bytes beyond the limit are not kept, because nobody reads them. One byte more shows that the limit is passed.
        let room = HeadParser.bytesMax + 1 - bytes.count
        bytes.append(contentsOf: more.prefix(room))
        do throws(HTTPFault) {
            while scanned < bytes.count {
                guard scanned < HeadParser.bytesMax else { throw .headTooLarge("The request head exceeds 16 KiB") }
                if try scan(bytes[scanned]) {
                    let head = try finish()
                    return .head(head, leftover: bytes.count - scanned + max(0, more.count - room))
                }
            }
            return .needMore
        } catch {
            return .refused(error)
        }
    }

    /// Reads one byte. True if the byte ends the head.
    private mutating func scan(_ byte: UInt8) throws(HTTPFault) -> Bool {
        if scanned < proxySignature.count, try isForeign(byte) {
            scanned += 1
            return false
        }
        let afterCR = scanned > lineStart && bytes[scanned - 1] == 0x0D
        switch byte {
        case 0x0A:
            guard afterCR else { throw .malformed("A line of the request head ends without CR") }
        case _ where afterCR:
            throw .malformed("A CR stands alone in the request head")
        case 0x0D, 0x09, 0x20...0x7E, 0x80...0xFF:
            break
        default:
            throw .malformed("A control character stands in the request head")
        }
        scanned += 1
        guard byte == 0x0A else { return false }
        let line = lineStart..<(scanned - 2)
        lineStart = scanned
        if requestLine == nil {
            requestLine = try RequestLine(bytes[line])
        } else if line.isEmpty {
            return true
        } else {
            guard fields.count < HeadParser.fieldsMax else {
                throw .headTooLarge("The request head has more than 100 fields")
            }
            fields.append(try field(line))
        }
        return false
    }

    /// True while all bytes so far are the beginning of TLS or of the PROXY protocol, which balancers may send.
    private func isForeign(_ byte: UInt8) throws(HTTPFault) -> Bool {
        if scanned == 0, byte == 0x16 { throw .speaksTLS }
        guard bytes[..<scanned].elementsEqual(proxySignature[..<scanned]) else {
            return false
        }
        if byte == proxySignature[scanned] {
            if scanned == proxySignature.count - 1 { throw .speaksProxyProtocol }
            return true
        }
        if scanned >= 2 { throw .noRequestLine }
        return false
    }

    private func field(_ line: Range<Int>) throws(HTTPFault) -> RequestHead.Field {
        if bytes[line.lowerBound] == 0x20 || bytes[line.lowerBound] == 0x09 {
            throw .malformed("A folded line stands in the request head")
        }
        guard let colon = bytes[line].firstIndex(of: 0x3A), colon > line.lowerBound else {
            throw .malformed("A line of the request head has no field name")
        }
        guard bytes[line.lowerBound..<colon].allSatisfy(isTokenByte) else {
            throw .malformed("A field name of the request head has a character that is not allowed")
        }
        var value = (colon + 1)..<line.upperBound
        while let first = bytes[value].first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = bytes[value].last, last == 0x20 || last == 0x09 { value.removeLast() }
        // The value has no CR: `scan` refuses one within a line, and the CR before LF is not part of the line.
        return RequestHead.Field(name: line.lowerBound..<colon, value: value)
    }

    private func finish() throws(HTTPFault) -> RequestHead {
        guard let line = requestLine else { throw .malformed("The request line is missing") }
        let head = RequestHead(
            method: line.method, path: line.path, query: line.query, bytes: Array(bytes[..<scanned]), fields: fields)
        try checkFields(head)
        return head
    }
}

/// The rules about the whole head: fields that must be single, Host, and framing.
private func checkFields(_ head: RequestHead) throws(HTTPFault) {
    for name in fieldsThatStandAlone where head.count(name) > 1 {
        throw .malformed("The field \(name) stands in the request head more than once")
    }
    let host = head.value("host")
    guard host.map(isHost) ?? head.isCheck else {
        throw .malformed("The request head needs one Host field with a host name or address")
    }
    let length = head.value("content-length")
    if head.count("transfer-encoding") > 0 {
        guard length == nil, ["POST", "PUT", "PATCH"].contains(head.method) else {
            throw .malformed("Transfer-Encoding is not accepted here")
        }
        throw .malformed("Send the body with a Content-Length; Transfer-Encoding is not accepted", status: 411)
    }
    guard let length else { return }
    guard (1...15).contains(length.utf8.count), length.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        throw .malformed("The Content-Length is not a plain number")
    }
    if head.method == "GET" || head.method == "HEAD", length != "0" {
        throw .malformed("A \(head.method) takes no body", status: 413)
    }
}

private let fieldsThatStandAlone = [
    "host", "content-length", "authorization", "origin", "upgrade", "sec-websocket-key", "sec-websocket-version",
    "user-agent", "x-playwright-browser",
]

private func isHost(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 255
        && text.utf8.allSatisfy { isAlphanumeric($0) || ".-_:[]".utf8.contains($0) }
}

/// The first line of a head.
private struct RequestLine: Hashable, Sendable {
    let method: String
    let path: String
    let query: String?

    init(_ line: ArraySlice<UInt8>) throws(HTTPFault) {
        let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
        if parts[0].elementsEqual("PROXY".utf8), parts.count < 2 || parts[1].first != 0x2F {
            throw .speaksProxyProtocol
        }
        guard parts.count == 3 else { throw .noRequestLine }
        guard (1...20).contains(parts[0].count), parts[0].allSatisfy(isTokenByte) else {
            throw .malformed("The request method is not a word")
        }
        let isCheck = RequestHead.isCheck(
            method: String(decoding: parts[0], as: UTF8.self), path: String(decoding: parts[1], as: UTF8.self))
        guard parts[2].elementsEqual("HTTP/1.1".utf8) || isCheck && parts[2].elementsEqual("HTTP/1.0".utf8) else {
            throw .malformed(
                "Only version 1.1 of HTTP is served here; a proxy in front must speak it too (nginx: "
                    + "proxy_http_version 1.1)")
        }
        guard parts[1].first == 0x2F || isCheck else {
            throw .malformed("The request target must be a path that begins with `/`")
        }
        guard parts[1].allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x23 }) else {
            throw .malformed("The request target has a character that is not allowed")
        }
        method = String(decoding: parts[0], as: UTF8.self)
        let mark = parts[1].firstIndex(of: 0x3F) ?? parts[1].endIndex
        path = String(decoding: parts[1][..<mark], as: UTF8.self)
        query = mark == parts[1].endIndex ? nil : String(decoding: parts[1][(mark + 1)...], as: UTF8.self)
    }
}

/// The first bytes of the PROXY protocol, version 2. Version 1 is a line that begins with `PROXY`.
private let proxySignature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

extension HTTPFault {
    static let speaksTLS = malformed(
        "These bytes are TLS, and this port speaks plain HTTP: use ws:// instead of wss://, or end TLS in front; a "
            + "balancer in front must not encrypt to this port")
    /// For bytes that are not TLS at a port that speaks TLS.
    package static let wantsTLS = malformed(
        "This port speaks TLS, and these bytes are plain: use wss:// instead of ws://, or https:// instead of http://; a "
            + "balancer in front must encrypt to this port")
    static let speaksProxyProtocol = malformed(
        "These bytes are the PROXY protocol, and this port speaks plain HTTP: switch it off at the balancer in front "
            + "(HAProxy: remove send-proxy; nginx: proxy_protocol off)")
    static let noRequestLine = malformed("The first line is not a method, a path and a version")
}

/// A `tchar` (RFC 9110, 5.6.2).
package func isTokenByte(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
}

package func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
}
