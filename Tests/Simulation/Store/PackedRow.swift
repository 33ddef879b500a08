/// The rows that the scripts keep packed, as the tests read them by their own eyes: a `struct` format and its names.
public struct PackedRow: Sendable {
    /// Letters of Redis' `struct`: `d` a double, `s` a text with a zero byte behind it.
    public let format: String
    public let names: [String]

    private init(_ format: String, _ names: String) {
        self.format = format
        self.names = names.split(separator: " ").map(String.init)
        precondition(self.names.count == format.count)
    }

    public static let state = PackedRow(
        "ddddddddddd", "schema epoch after commit lastTime grace holdOff lastTicket nextSweep seq more")
    /// The row that each call of a process writes.
    public static let call = PackedRow("ddd", "connection commit ended")

    public static let waiter = PackedRow(
        "ddsssssssssss", "ticket score attempt keep lease place tenant selector gateway run alias state why")
    /// A slot, and the lease that it has. `state` is the lease's where there is one.
    public static let slot = PackedRow(
        "ddddddddsssssssss",
        "epoch number attach keep deadline since cap over state lease how pool tenant gateway back ending attachment")
    public static let worker = PackedRow(
        "dddddssssss", "slots backoff lifetime served draining state trial claimant address pools map")

    /// By the kind of their keys, `call` for that of a process' calls.
    public static let kinds: [(kind: String, row: PackedRow)] = [
        ("state", state), ("call", call), ("waiter", waiter), ("slot", slot), ("worker", worker),
    ]

    /// The row under a key, the fleet's prefix left out; nil where there is none, or a hash.
    public static func under(_ key: Substring) -> PackedRow? {
        if key.hasSuffix(":call") { return call }
        if key.hasSuffix(":more") { return nil }
        return kinds.first { key == $0.kind || key.hasPrefix($0.kind + ":") }?.row
    }

    /// One value of a row, a whole number without its point; nil where the row has no such name, or is no such row.
    public func value(_ name: String, of bytes: [UInt8]) -> String? {
        guard let place = names.firstIndex(of: name) else { return nil }
        var at = 0
        for (index, letter) in format.utf8.enumerated() {
            if letter == UInt8(ascii: "d") {
                guard at + 8 <= bytes.count else { return nil }
                if index == place { return Self.spelled(bytes, at) }
                at += 8
            } else {
                guard let end = bytes[at...].firstIndex(of: 0) else { return nil }
                if index == place { return String(decoding: bytes[at..<end], as: UTF8.self) }
                at = end + 1
            }
        }
        return nil
    }

    /// All values of a row; nil where it is no such row.
    public func values(of bytes: [UInt8]) -> [String]? {
        var (at, values) = (0, [String]())
        for letter in format.utf8 {
            if letter == UInt8(ascii: "d") {
                guard at + 8 <= bytes.count else { return nil }
                values.append(Self.spelled(bytes, at))
                at += 8
            } else {
                guard let end = bytes[at...].firstIndex(of: 0) else { return nil }
                values.append(String(decoding: bytes[at..<end], as: UTF8.self))
                at = end + 1
            }
        }
        return values
    }

    private static func spelled(_ bytes: [UInt8], _ at: Int) -> String {
        let number = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: Double.self) }
        return Int64(exactly: number).map(String.init) ?? "\(number)"
    }

    /// For scripts of tests: `row(kind, text)` is a table of a row's values by name, nil where there is no row; `packed(kind,
    /// values)` is the row again.
    public static let lua = """
        local formats = { \(kinds.map { "\($0.kind) = { '<\($0.row.format)', { \($0.row.names.map { "'\($0)'" }.joined(separator: ", ")) } }" }.joined(separator: ", ")) }
        local function row(kind, text)
            if not text then return nil end
            local out, values = {}, { struct.unpack(formats[kind][1], text) }
            for i, name in ipairs(formats[kind][2]) do
                out[name] = type(values[i]) == 'number' and string.format('%.17g', values[i]) or values[i]
            end
            return out
        end
        local function kind_of(rest)
            local last = string.sub(rest, -5)
            local kind = last == ':call' and 'call' or last ~= ':more' and string.match(rest, '^%a+')
            return formats[kind] and kind
        end
        local function packed(kind, values)
            local out = {}
            for i, name in ipairs(formats[kind][2]) do
                out[i] = string.sub(formats[kind][1], i + 1, i + 1) == 'd' and tonumber(values[name]) or values[name]
            end
            return struct.pack(formats[kind][1], unpack(out))
        end

        """
}
