/// The last lines that a program printed on both of its outputs, and the line that best tells why it failed.
///
/// The lines are for people: valid UTF-8, without escape sequences and control characters.
public struct LastWords: Hashable, Sendable {
    /// Lines kept of each output.
    public static let linesMax = 40
    /// Bytes of a line that are kept.
    public static let lineBytesMax = 512

    /// Oldest first; empty ones left out.
    public let lines: [String]

    /// - Parameters: the last bytes of each output, and whether earlier bytes were dropped, because then the first line
    ///   is a part.
    public init(stdout: [UInt8], isCut stdoutIsCut: Bool = false, stderr: [UInt8], isCut stderrIsCut: Bool = false) {
        lines = LastWords.lines(stdout, isCut: stdoutIsCut) + LastWords.lines(stderr, isCut: stderrIsCut)
    }

    /// The line to show if there is room for one; the later one of two equally good lines. nil if there is no line.
    public var best: String? {
        var best: (line: String, weight: Int)?
        for line in lines {
            let weight = LastWords.weight(line)
            if weight >= best?.weight ?? 0 { best = (line, weight) }
        }
        return best?.line
    }

    // MARK: Lines

    private static func lines(_ bytes: [UInt8], isCut: Bool) -> [String] {
        var pieces = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        if isCut && pieces.count > 1 { pieces = pieces.dropFirst() }
        return pieces.lazy.map { plain($0) }.filter { !$0.isEmpty }.suffix(linesMax)
    }

    /// Text without escape sequences, control and format characters, and without blanks at its ends.
    static func plain(_ bytes: ArraySlice<UInt8>) -> String {
        var out = String.UnicodeScalarView()
        var count = 0
        var scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars.makeIterator()
        while var scalar = scalars.next() {
            if scalar == "\u{1B}" {
                guard let next = scalars.next() else { break }
                // `ESC [ … letter` sets colours and the like; any other escape is two characters long.
                if next == "[" { while let part = scalars.next(), !("@"..."~").contains(part) {} }
                continue
            }
            if isHidden(scalar) { scalar = " " }
            // Keeps one of several blanks in a row, and none at the beginning.
            if scalar == " " && (out.isEmpty || out.last == " ") { continue }
            count += UTF8.width(scalar)
            if count > lineBytesMax { break }
            out.append(scalar)
        }
        while out.last == " " { out.removeLast() }
        return String(out)
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }

    // MARK: Which line tells most

    /// Messages of the system about a missing or forbidden thing.
    private static let causes = [
        "error while loading shared libraries", "cannot open shared object", "no such file", "not found",
        "permission denied",
        "operation not permitted", "eacces", "enoent", "eperm", "address already in use", "eaddrinuse",
        "cannot allocate",
        "out of memory", "no space left", "no usable sandbox", "doesn't exist", "does not exist", "cannot find module",
        "missing dependencies", "missing libraries",
    ]
    private static let failures = [
        "error", "fatal", "fail", "cannot", "can't", "unable", "exception", "panic", "refused",
    ]
    /// Beginnings of lines around an error: frames of a stack, the version of an interpreter, headings.
    private static let prologues = [
        "at ", "Node.js v", "file \"", "File \"", "Traceback ", "node:", "<launch", "^", "╔", "╚",
    ]

    /// 4 a cause, 3 a failure, 2 any line, 1 a line around an error.
    private static func weight(_ line: String) -> Int {
        if prologues.contains(where: { line.hasPrefix($0) }) || !line.utf8.contains(where: isLetter) { return 1 }
        let lower = line.lowercased()
        if causes.contains(where: { lower.contains($0) }) { return 4 }
        return failures.contains { lower.contains($0) } ? 3 : 2
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte >= 0x80
    }
}
