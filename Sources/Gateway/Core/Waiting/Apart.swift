/// A value that few owners have, kept apart from its owner. It takes 8 bytes of an owner that has none.
package indirect enum Apart<Value> {
    case none
    case some(Value)

    package init(_ value: Value?) { self = value.map { .some($0) } ?? .none }

    package var value: Value? {
        switch self {
        case .none: nil
        case .some(let value): value
        }
    }
}

extension Apart: Equatable where Value: Equatable {}
extension Apart: Hashable where Value: Hashable {}
extension Apart: Sendable where Value: Sendable {}
