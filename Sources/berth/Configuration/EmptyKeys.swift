/// The SHA-256 of texts that are no key. A shell hashes one of them if the variable for the key is not set.
enum EmptyKeys {
    static let digests: [String: String] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": "nothing",
        "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b": "a lone line feed",
        "7eb70257593da06f682a3ddda54a9d260d4fc514f645237f5ca74b08f8da61a6": "a lone line end",
        "36a9e7f1c95b82ffb99743e0c5c4ce95d83c9a430aac59f84ef3cbfab6145068": "a blank",
    ]
}
