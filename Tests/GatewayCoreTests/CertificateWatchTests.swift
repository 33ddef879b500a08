import Testing

@testable import GatewayCore

@Suite struct CertificateWatchTests {
    private func refuse(_ watch: inout CertificateWatch, _ files: String, isAsked: Bool = false) -> Bool? {
        watch.read(files, isAsked: isAsked) ? watch.refused(files, isAsked: isAsked) : nil
    }

    private func read(_ watch: inout CertificateWatch, _ files: String, isAsked: Bool) -> Bool {
        watch.read(files, isAsked: isAsked)
    }

    @Test func newFilesAreUsedAtOnce() {
        var watch = CertificateWatch(using: "a")
        #expect(!read(&watch, "a", isAsked: false))
        #expect(!read(&watch, "a", isAsked: true))
        #expect(read(&watch, "b", isAsked: false))
        watch.accepted("b")
        #expect(!read(&watch, "b", isAsked: false))
        #expect(read(&watch, "a", isAsked: false))
    }

    @Test func aFaultIsLoggedOnceAndNotAtTheFirstLook() {
        var watch = CertificateWatch(using: "a")
        #expect(refuse(&watch, "bad") == false)
        #expect(refuse(&watch, "bad") == true)
        #expect(refuse(&watch, "bad") == nil)
        #expect(refuse(&watch, "worse") == false)
        #expect(refuse(&watch, "worse") == true)
    }

    @Test func betweenTwoWritesNothingIsLogged() {
        var watch = CertificateWatch(using: "a")
        #expect(refuse(&watch, "half") == false)
        #expect(read(&watch, "whole", isAsked: false))
        watch.accepted("whole")
        #expect(refuse(&watch, "half") == false)
    }

    @Test func whoAsksIsAnswered() {
        var watch = CertificateWatch(using: "a")
        #expect(refuse(&watch, "bad", isAsked: true) == true)
        #expect(refuse(&watch, "bad") == nil)
        #expect(refuse(&watch, "bad", isAsked: true) == true)
        // The old files again: nothing is faulty any more.
        #expect(!read(&watch, "a", isAsked: false))
        #expect(refuse(&watch, "bad") == false)
    }
}
