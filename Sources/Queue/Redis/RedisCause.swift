/// Sentences about failures whose cause is Redis. They begin with "Redis", because the reader may not know that Redis was
/// asked.
enum RedisCause {
    static func unavailable(_ words: String) -> String { sentence("Redis does not answer", words) }
    static func refused(_ words: String) -> String { sentence("Redis refused", words) }

    private static func sentence(_ begin: String, _ words: String) -> String {
        words.hasPrefix("Redis ") ? words : "\(begin): \(words)"
    }
}
