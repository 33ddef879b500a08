import Configuration
import QueueCore
import RedisClient

/// A line that is understood can be written again.
func readsLinesOfTheWire(_ bytes: [UInt8]) -> String? {
    let text = String(decoding: bytes, as: UTF8.self)
    _ = Wire.answer(line: text)
    _ = Wire.request(line: text)
    if let grant = Grant(payload: text), grant.lease.description.contains(" ") { return "an id with a space" }
    if let pool = Pool(text), Pool(pool.description) != pool { return "a pool changes" }
    return nil
}

func readsRepliesHoweverTheyArrive(_ bytes: [UInt8]) -> String? {
    guard let (whole, first, second) = halves(bytes) else { return nil }
    return replies([whole]) == replies([first, second]) ? nil : "the replies depend on the cut"
}

/// The replies in these pieces, up to an error.
private func replies(_ pieces: [ArraySlice<UInt8>]) -> [RedisReply] {
    let reader = RedisReader()
    var found: [RedisReply] = []
    for piece in pieces where !piece.isEmpty {
        Array(piece).withUnsafeBytes { reader.feed($0) }
        do {
            while let reply = try reader.next() { found.append(reply) }
        } catch {
            return found
        }
    }
    return found
}

func readsAFileOrSaysWhy(_ bytes: [UInt8]) -> String? {
    do {
        _ = try YAMLReader.read(bytes, file: "f")
        return nil
    } catch {
        return error.description.isEmpty ? "a file is refused without words" : nil
    }
}
