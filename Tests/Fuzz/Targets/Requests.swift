import GatewayCore
import HTTPCore
import QueueCore
import WorkerCore

/// The verdict depends on the bytes, not on how they arrive.
func readsHeadsHoweverTheyArrive(_ bytes: [UInt8]) -> String? {
    guard let (whole, first, second) = halves(bytes) else { return nil }
    var once = HeadParser()
    let expected = once.feed(whole)
    var twice = HeadParser()
    var found = twice.feed(first)
    if found == .needMore { found = twice.feed(second) } else { return nil }
    return found == expected ? nil : "the verdict depends on the cut"
}

private let admission = Admission(
    tenancy: Tenancy(tenants: [
        Tenant(
            name: "t", keyHashes: ["k"],
            limits: TenantLimits(cap: 1, queueMax: 1, waitMaxMilliseconds: 1_000, priorityMaxSeconds: 1, weight: 1))
    ]),
    defaultBrowser: "chromium")

/// An admitted request is forwarded as one head that its worker takes: nothing of a client can end a line early.
func forwardsOnlyWhatAWorkerTakes(_ bytes: [UInt8]) -> String? {
    var reader = RequestReader()
    var step = reader.feed(bytes)
    if step == .expectsAnswer { step = reader.feed([]) }
    guard case .request(let request) = step else { return nil }
    do throws(Refusal) {
        guard case .visit(let visit) = try admission.read(request) else { return nil }
        guard case .wait(let wait) = try admission.admit(visit, keyHash: "k", peer: "192.0.2.7") else { return nil }
        guard wait.purpose == .connect else { return nil }
        guard case .complete = SidecarHead.read(wait.head.composed(session: "s")[...]) else {
            return "the worker does not take the forwarded head"
        }
        return nil
    } catch {
        let words = error.response(retryAfterSeconds: 1)
        return words.starts(with: "HTTP/1.1 ".utf8) ? nil : "the refusal is no response"
    }
}

/// An object that was read can be written as JSON and read again.
func readsWhatItWrites(_ bytes: [UInt8]) -> String? {
    guard let object = try? FlatJSON(bytes) else { return nil }
    let fields = object.fields.map { field in
        let value =
            switch field.value {
            case .text(let text): jsonString(text)
            case .number(let text): text
            case .bool(let value): "\(value)"
            case .null: "null"
            }
        return "\(jsonString(field.name)):\(value)"
    }
    guard let again = try? FlatJSON(Array("{\(fields.joined(separator: ","))}".utf8)) else {
        return "what it wrote cannot be read"
    }
    let isSame = again.fields.elementsEqual(object.fields) { $0.name == $1.name && $0.value == $1.value }
    return isSame ? nil : "what it wrote is read as something else"
}
