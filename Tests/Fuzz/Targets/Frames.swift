import GatewayCore
import QueueCore
import SlotRun

func readsFramesHoweverTheyArrive(_ bytes: [UInt8]) -> String? {
    guard let (whole, first, second) = halves(bytes) else { return nil }
    var once = ClientFrames(keptBytesMax: 256)
    let expected = once.read(whole)
    var twice = ClientFrames(keptBytesMax: 256)
    let found = twice.read(first) + twice.read(second)
    guard found == expected, once.isOver == twice.isOver else { return "the events depend on the cut" }
    return once.handOver() == twice.handOver() ? nil : "what is kept depends on the cut"
}

func followsFramesHoweverTheyArrive(_ bytes: [UInt8]) -> String? {
    guard let (whole, first, second) = halves(bytes) else { return nil }
    for sender in [FrameCursor.Sender.client, .sidecar] {
        var once = FrameCursor(of: sender)
        Array(whole).withUnsafeBytes { once.pass($0) }
        var twice = FrameCursor(of: sender)
        for part in [first, second] { Array(part).withUnsafeBytes { twice.pass($0) } }
        guard once.mayClose == twice.mayClose, once.mayAnswer == twice.mayAnswer, once.hasClosed == twice.hasClosed,
            once.isWebSocket == twice.isWebSocket
        else { return "the state depends on the cut" }
        if once.hasClosed, once.mayClose { return "a second Close frame may follow" }
    }
    return nil
}

func readsAWorkersAnswerHoweverItArrives(_ bytes: [UInt8]) -> String? {
    guard let (whole, first, second) = halves(bytes), let waiter = WaiterID(String(repeating: "1", count: 32)) else {
        return nil
    }
    var once = HeldSlot(LeaseID(waiter: waiter, attempt: 1))
    var twice = once
    let expected = told(once.answered(whole))
    let found = told(twice.answered(first)) + told(twice.answered(second))
    return expected == found ? nil : "what the borrower reads depends on the cut"
}

private func told(_ action: HeldSlot.Action) -> [UInt8] {
    switch action {
    case .none: []
    case .write(let bytes), .end(let bytes): bytes
    case .refuse(let refusal): refusal.response(retryAfterSeconds: 1)
    }
}

func readsAGatewaysAnswerHoweverItArrives(_ bytes: [UInt8]) -> String? {
    guard let (whole, first, second) = halves(bytes) else { return nil }
    var once = HoldReader()
    let expected = once.read(whole) + [once.end()].compactMap { $0 }
    var twice = HoldReader()
    let found = twice.read(first) + twice.read(second) + [twice.end()].compactMap { $0 }
    return found == expected ? nil : "the answers depend on the cut"
}
