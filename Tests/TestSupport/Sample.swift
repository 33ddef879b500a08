import Glibc

/// How much of a test that is long by its nature runs: a sample in `make test`, the whole in `make test-long`, which sets
/// BERTH_LONG. docs/internals/testing.md lists both.
public enum Sample {
    /// True in `make test-long`.
    public static let isWhole = text("BERTH_LONG") != nil

    /// The number that an environment variable asks for; without one, the sample's or the whole's.
    public static func count(_ variable: String, sample: Int, whole: Int) -> Int {
        guard let text = text(variable) else { return isWhole ? whole : sample }
        guard let count = Int(text), count > 0 else {
            preconditionFailure("\(variable) is a number from 1 on, not \(text)")
        }
        return count
    }

    /// The variable's value; nil where it is not set or empty.
    public static func text(_ variable: String) -> String? {
        getenv(variable).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
