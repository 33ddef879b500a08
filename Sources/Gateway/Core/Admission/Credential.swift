import HTTPCore

/// Finds a request's key: `Authorization: Bearer`, else the user of Basic, else the option `token`.
///
/// An empty key counts as no key in every form, because a client sends one if its variable is not set.
/// - Returns: the key's bytes; the caller hashes them and keeps no copy. `nil` if the request has no key.
func credential(of head: RequestHead, options: RequestOptions) throws(Refusal) -> [UInt8]? {
    let token = options.token.map { Array($0.utf8) }
    guard let field = head.value("authorization").map(trimmed), !field.isEmpty else { return token }
    guard field.utf8.count <= RequestOptions.authorizationBytesMax else {
        throw .badRequest("The Authorization header is too long")
    }
    let space = field.firstIndex(of: " ") ?? field.endIndex
    let rest = trimmed(field[space...])
    switch field[..<space].lowercased() {
    case "bearer":
        return isBlank(rest.utf8) ? token : Array(rest.utf8)
    case "basic":
        guard let pair = base64Decoded(rest) else { break }
        let user = Array(pair.prefix { $0 != 0x3A })
        return isBlank(user) ? token : user
    default:
        break
    }
    throw Refusal(.unauthorized, "The Authorization header must be `Bearer <key>` or Basic with the key as its user")
}

/// True for no bytes, and for bytes that are all blanks or control characters, such as a line end.
func isBlank(_ bytes: some Sequence<UInt8>) -> Bool { bytes.allSatisfy { $0 <= 0x20 || $0 == 0x7F } }
