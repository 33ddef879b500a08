/// Composes a response of Berth's own. Its body has that media type or is empty, it is never cached, and it ends its
/// connection.
package func httpResponse(
    status: Int, headers: [String] = [], type: String = "application/json; charset=utf-8", body: String
) -> [UInt8] {
    var text = "HTTP/1.1 \(status) \(reason(status))\r\n"
    if !body.isEmpty {
        text += "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
    }
    text += "Cache-Control: no-store\r\n"
    for line in headers { text += line + "\r\n" }
    text += "Connection: \(status == 426 ? "close, Upgrade" : "close")\r\n\r\n"
    text += body
    return Array(text.utf8)
}

private func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 413: "Content Too Large"
    case 426: "Upgrade Required"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    default: "Error"
    }
}

/// A JSON string with its quotes (RFC 8259, 7). It is safe within HTML too, because pages show logs and bodies.
package func jsonString(_ text: String) -> String {
    // Nearly all texts need no escape.
    if text.utf8.allSatisfy({
        (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C && $0 != 0x26 && $0 != 0x3C && $0 != 0x3E
    }) {
        return "\"" + text + "\""
    }
    var out = "\""
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x22: out += "\\\""
        case 0x5C: out += "\\\\"
        case 0x0A: out += "\\n"
        case 0x0D: out += "\\r"
        case 0x09: out += "\\t"
        case 0..<0x20, 0x7F, 0x26, 0x3C, 0x3E, 0x2028, 0x2029:
            let digits = String(scalar.value, radix: 16)
            out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out + "\""
}

/// A text as a header value: at most 512 bytes, with a question mark for each byte that is not printable ASCII.
package func headerText(_ text: String) -> String {
    String(decoding: text.utf8.prefix(512).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
}
