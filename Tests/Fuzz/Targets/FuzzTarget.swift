import GatewayCore
import HTTPCore
import QueueCore

/// One reader of bytes that strangers send, with the rules that hold for all bytes. None may trap, and each rule that
/// does not hold is an objection.
public struct FuzzTarget: Sendable {
    /// The name of its folder of inputs.
    public let name: String
    /// - Returns: the rule that does not hold; nil if all hold.
    public let objection: @Sendable ([UInt8]) -> String?

    public static let all = [
        FuzzTarget(name: "head", objection: readsHeadsHoweverTheyArrive),
        FuzzTarget(name: "request", objection: forwardsOnlyWhatAWorkerTakes),
        FuzzTarget(name: "body", objection: readsWhatItWrites),
        FuzzTarget(name: "client-frames", objection: readsFramesHoweverTheyArrive),
        FuzzTarget(name: "frame-cursor", objection: followsFramesHoweverTheyArrive),
        FuzzTarget(name: "held-slot", objection: readsAWorkersAnswerHoweverItArrives),
        FuzzTarget(name: "wire", objection: readsLinesOfTheWire),
        FuzzTarget(name: "replies", objection: readsRepliesHoweverTheyArrive),
        FuzzTarget(name: "yaml", objection: readsAFileOrSaysWhy),
        FuzzTarget(name: "admin", objection: letsOnlyOperatorsIn),
        FuzzTarget(name: "gateway-answer", objection: readsAGatewaysAnswerHoweverItArrives),
    ]

    public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Two parts of an input: the place of the cut comes from the input itself, so that a fuzzer can move it.
func halves(_ bytes: [UInt8]) -> (whole: ArraySlice<UInt8>, first: ArraySlice<UInt8>, second: ArraySlice<UInt8>)? {
    guard let cut = bytes.first else { return nil }
    let whole = bytes.dropFirst()
    let at = whole.isEmpty ? 0 : Int(cut) % (whole.count + 1)
    return (whole, whole.prefix(at), whole.dropFirst(at))
}
