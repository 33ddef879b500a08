/// All keys, and what each change took away, so that the last calls can be taken back.
final class Keyspace {
    /// What one change took: an entry of a value, or a whole value.
    private struct Change {
        enum What {
            case entered, changed, removed
            /// The value is the last of `buried`.
            case buried
            /// A value came whole.
            case placed
        }
        let what: What
        let kind: Kind
        let key: Symbol
        let member: Symbol
        let bits: UInt64
    }

    /// Calls that can be taken back, at least.
    static let undoneMax = 10_000

    let symbols = Symbols()
    /// By the key's symbol.
    private var values: ContiguousArray<StoredValue?> = []
    private(set) var keys = SymbolTable()
    private var changes: ContiguousArray<Change> = []
    private var buried: ContiguousArray<StoredValue> = []
    /// Where in `changes` each call that can be taken back began.
    private var starts: ContiguousArray<Int> = []
    /// Calls that wrote and stand.
    private(set) var commits = 0
    private var begun = 0
    /// Keys written to since somebody asked, each once.
    private var touched: ContiguousArray<Symbol> = []
    /// By the key's symbol.
    private var isTouched: ContiguousArray<Bool> = []
    private var isNew = true

    func empty() {
        symbols.empty()
        values.removeAll(keepingCapacity: true)
        keys = SymbolTable()
        changes.removeAll(keepingCapacity: true)
        buried.removeAll()
        starts.removeAll(keepingCapacity: true)
        (commits, begun) = (0, 0)
        touched.removeAll(keepingCapacity: true)
        isTouched.removeAll(keepingCapacity: true)
        isNew = true
    }

    // MARK: - Reading

    func find(_ key: Bytes) -> StoredValue? { value(symbols.find(key)) }

    @inline(__always) func value(_ key: Symbol) -> StoredValue? {
        Int(key) < values.count ? values[Int(key)] : nil
    }

    // MARK: - Writing

    /// - Returns: what was there.
    @discardableResult
    func set(_ key: Symbol, _ kind: Kind, _ member: Symbol, _ bits: UInt64) -> UInt64? {
        let old = enter(key, kind, member, bits)
        changes.append(
            Change(what: old == nil ? .entered : .changed, kind: kind, key: key, member: member, bits: old ?? 0))
        return old
    }

    /// - Returns: whether it was there.
    func remove(_ key: Symbol, _ member: Symbol) -> Bool {
        guard let value = value(key), let old = take(key, member) else { return false }
        changes.append(Change(what: .removed, kind: value.kind, key: key, member: member, bits: old))
        return true
    }

    /// - Returns: whether there was such a key.
    func remove(_ key: Symbol) -> Bool {
        guard let value = drop(key) else { return false }
        buried.append(value)
        changes.append(Change(what: .buried, kind: value.kind, key: key, member: 0, bits: 0))
        return true
    }

    func rename(_ key: Symbol, _ name: Symbol) {
        guard key != name, let value = value(key) else { return }
        _ = remove(key)
        _ = remove(name)
        put(name, value)
        changes.append(Change(what: .placed, kind: value.kind, key: name, member: 0, bits: 0))
    }

    /// What was written to since the last time this was asked; nil: everything may be another.
    func takeTouched() -> ContiguousArray<Symbol>? {
        defer {
            for key in touched { isTouched[Int(key)] = false }
            touched.removeAll(keepingCapacity: true)
            isNew = false
        }
        return isNew ? nil : touched
    }

    @inline(__always) private func touch(_ key: Symbol) {
        guard !isTouched[Int(key)] else { return }
        isTouched[Int(key)] = true
        touched.append(key)
    }

    private func enter(_ key: Symbol, _ kind: Kind, _ member: Symbol, _ bits: UInt64) -> UInt64? {
        if let value = value(key) {
            touch(key)
            return value.set(member, bits, symbols)
        }
        let value = StoredValue(kind)
        put(key, value)
        return value.set(member, bits, symbols)
    }

    private func take(_ key: Symbol, _ member: Symbol) -> UInt64? {
        guard let value = value(key), let old = value.remove(member, symbols) else { return nil }
        touch(key)
        if value.count == 0 { drop(key) }
        return old
    }

    private func put(_ key: Symbol, _ value: StoredValue) {
        while values.count <= Int(key) {
            values.append(nil)
            isTouched.append(false)
        }
        touch(key)
        values[Int(key)] = value
        keys.set(key, 0)
    }

    @discardableResult
    private func drop(_ key: Symbol) -> StoredValue? {
        guard let value = value(key) else { return nil }
        values[Int(key)] = nil
        touch(key)
        _ = keys.remove(key)
        return value
    }

    // MARK: - Taking back

    var hasWritten: Bool { changes.count > begun }

    func begin() { begun = changes.count }

    func end() {
        guard hasWritten else { return }
        commits += 1
        starts.append(begun)
        if starts.count == 2 * Self.undoneMax { forget() }
    }

    /// - Parameter calls: the last that wrote; at most `undoneMax`.
    func undo(last calls: Int) {
        precondition(calls <= starts.count, "\(calls) calls to take back, \(starts.count) are known")
        guard calls > 0 else { return }
        let start = starts[starts.count - calls]
        for change in changes[start...].reversed() { undo(change) }
        changes.removeSubrange(start...)
        starts.removeLast(calls)
        commits -= calls
        begun = changes.count
    }

    private func undo(_ change: Change) {
        switch change.what {
        case .entered: _ = take(change.key, change.member)
        case .changed, .removed: _ = enter(change.key, change.kind, change.member, change.bits)
        case .buried: put(change.key, buried.removeLast())
        case .placed: drop(change.key)
        }
    }

    private func forget() {
        let start = starts[Self.undoneMax]
        var forgotten = 0
        for change in changes[..<start] where change.what == .buried { forgotten += 1 }
        buried.removeFirst(forgotten)
        changes.removeFirst(start)
        starts.removeFirst(Self.undoneMax)
        for index in starts.indices { starts[index] -= start }
    }

    // MARK: - The whole

    /// Of all keys and what stands under them, whatever their order and history.
    var digest: UInt64 {
        var digest: UInt64 = 0
        for entry in keys.entries {
            let value = value(entry.symbol)!
            digest &+= stir(symbols.hash(entry.symbol) &+ stir(value.digest &+ UInt64(value.kind.rawValue)))
        }
        return digest
    }
}
