import Testing

@testable import HTTPCore

@Suite struct FlatJSONTests {
    private func read(_ text: String) throws -> [String: FlatJSON.Value] {
        Dictionary(uniqueKeysWithValues: try FlatJSON(Array(text.utf8)).fields.map { ($0.name, $0.value) })
    }

    @Test func readsEachKindOfValue() throws {
        let fields = try read(#" { "a" : "x" ,"b":-1.5e+3,"c":0, "d":true,"e":false,"f":null}"# + "\r\n\t")
        #expect(fields["a"] == .text("x") && fields["b"] == .number("-1.5e+3") && fields["c"] == .number("0"))
        #expect(fields["d"] == .bool(true) && fields["e"] == .bool(false) && fields["f"] == .null)
        #expect(try read("{}").isEmpty && read(" { } ").isEmpty)
    }

    @Test(arguments: [
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u00e9\uD83D\uDE00""#, "é😀"), (#""é😀""#, "é😀"),
        (#""""#, ""),
    ])
    func readsTexts(_ written: String, _ text: String) throws {
        #expect(try read("{\"a\":\(written)}")["a"] == .text(text))
    }

    @Test(arguments: [
        "", "[]", "1", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{\"a\":1}x", "{}{}",
        "{'a':1}", "{a:1}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":-}",
        "{\"a\":NaN}",
        "{\"a\":tru}", "{\"a\":True}", "{\"a\":{}}", "{\"a\":[1]}", "{\"a\":\"x}", "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\uD800\"}", "{\"a\":\"\\uD800\\u0041\"}", "{\"a\":\"\\uDC00\"}", "{\"a\":\"\n\"}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}", "\u{FEFF}{}",
    ])
    func refuses(_ text: String) {
        #expect(throws: HTTPFault.self) { _ = try FlatJSON(Array(text.utf8)) }
    }

    @Test func refusesWhatIsNotUTF8() {
        for bytes in [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80]] as [[UInt8]] {
            #expect(throws: HTTPFault.self) { _ = try FlatJSON(Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)) }
        }
    }

    /// Any cut of a body is refused, and none ends the process.
    @Test func noCutOfABodyIsRead() {
        let whole = Array(#"{"label":"A:\u00e9","wait":30,"run":null}"#.utf8)
        for count in 0..<whole.count {
            #expect(throws: HTTPFault.self) { _ = try FlatJSON(Array(whole[..<count])) }
        }
    }
}
