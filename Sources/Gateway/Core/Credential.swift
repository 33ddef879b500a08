/// Finds the key a request brought: `Authorization: Bearer`, else the user of Basic, else the option `token`.
///
/// - Returns: the key's bytes, to be hashed by the caller and forgotten; `nil` where the request brought none.
func credential(of head: RequestHead, options: RequestOptions) throws(Refusal) -> [UInt8]? {
    guard let field = head.value("authorization") else { return options.token.map { Array($0.utf8) } }
    guard field.utf8.count <= RequestOptions.authorizationBytesMax else {
        throw .badRequest("The Authorization header is too long")
    }
    let space = field.firstIndex(of: " ") ?? field.endIndex
    let rest = trimmed(field[space...])
    switch field[..<space].lowercased() {
    case "bearer" where !rest.isEmpty:
        return Array(rest.utf8)
    case "basic":
        guard let pair = base64Decoded(rest) else { break }
        let user = Array(pair.prefix { $0 != 0x3A })
        guard !user.isEmpty else { break }
        return user
    default:
        break
    }
    throw Refusal(.unauthorized, "The Authorization header must be `Bearer <key>` or Basic with the key as its user")
}
