import Testing

@testable import GatewayCore

@Suite struct TraceParentTests {
    @Test func aWellFormedParentNamesItsTrace() {
        let id = "0af7651916cd43dd8448eb211c80319c"
        #expect(traceID("00-\(id)-b7ad6b7169203331-01") == id)
        #expect(traceID("cc-\(id)-b7ad6b7169203331-01-what-the-future-adds") == id, "a later version may add parts")
    }

    @Test(arguments: [
        "", "00", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c\"-b7ad6b7169203331-01",
    ])
    func anythingElseNamesNone(text: String) { #expect(traceID(text) == "") }
}
