import CYAML

/// Reads one YAML document into a tree by libyaml's parser.
///
/// It refuses what a configuration does not need: anchors and aliases (a small file could expand to gigabytes), tags, a
/// second document, repeated keys.
public enum YAMLReader {
    public static let bytesMax = 1 << 20
    public static let depthMax = 16
    public static let nodesMax = 50_000

    /// - Parameter file: the name that problems show.
    public static func read(_ bytes: [UInt8], file: String) throws(ConfigurationProblem) -> ConfigNode {
        guard bytes.count <= bytesMax else {
            throw ConfigurationProblem(place: file, message: "is larger than \(bytesMax) bytes")
        }
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else {
            throw ConfigurationProblem(place: file, message: "no memory to read it")
        }
        defer { yaml_parser_delete(parser) }
        let text = try utf8(bytes, file)
        // The bytes need a fixed address, because libyaml keeps the pointer over many calls.
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(text.count, 1))
        defer { copy.deallocate() }
        _ = copy.initialize(from: text)
        yaml_parser_set_input_string(parser, copy.baseAddress, text.count)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        var events = YAMLEvents(parser: parser, file: file)
        return try events.document()
    }

    /// The text without its byte order mark.
    private static func utf8(_ bytes: [UInt8], _ file: String) throws(ConfigurationProblem) -> ArraySlice<UInt8> {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw ConfigurationProblem(place: file, message: "is UTF-16: save it as UTF-8")
        }
        return bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    }
}

/// Turns the parser's events into nodes, by recursive descent.
private struct YAMLEvents {
    let parser: UnsafeMutablePointer<yaml_parser_t>
    let file: String
    var nodes = 0

    enum Event {
        case streamStart, documentStart, documentEnd, streamEnd
        case scalar(String, plain: Bool)
        case sequenceStart, sequenceEnd, mappingStart, mappingEnd
    }

    mutating func document() throws(ConfigurationProblem) -> ConfigNode {
        _ = try next()  // stream start
        let (first, line) = try next()
        if case .streamEnd = first { return ConfigNode(content: .mapping([]), line: 1) }
        guard case .documentStart = first else { throw problem("not a YAML document", line) }
        let (event, rootLine) = try next()
        let root = try node(event, rootLine, depth: 0)
        _ = try next()  // document end
        let (last, lastLine) = try next()
        guard case .streamEnd = last else { throw problem("a second document: one file holds one", lastLine) }
        return root
    }

    private mutating func node(_ event: Event, _ line: Int, depth: Int) throws(ConfigurationProblem) -> ConfigNode {
        nodes += 1
        guard nodes <= YAMLReader.nodesMax else { throw problem("more than \(YAMLReader.nodesMax) values", line) }
        guard depth <= YAMLReader.depthMax else {
            throw problem("nested deeper than \(YAMLReader.depthMax) levels", line)
        }
        switch event {
        case .scalar(let text, let plain):
            let text = Unseen.trimmed(text)
            if let words = Unseen.objection(to: text, lines: true) { throw problem("a value \(words)", line) }
            return ConfigNode(content: .scalar(text, plain: plain), line: line)
        case .sequenceStart:
            var items: [ConfigNode] = []
            while true {
                let (event, itemLine) = try next()
                if case .sequenceEnd = event { return ConfigNode(content: .sequence(items), line: line) }
                items.append(try node(event, itemLine, depth: depth + 1))
            }
        case .mappingStart:
            return ConfigNode(content: .mapping(try entries(depth: depth)), line: line)
        default:
            throw problem("not a YAML value", line)
        }
    }

    private mutating func entries(depth: Int) throws(ConfigurationProblem) -> [ConfigNode.Entry] {
        var entries: [ConfigNode.Entry] = []
        var seen: Set<String> = []
        while true {
            let (event, line) = try next()
            if case .mappingEnd = event { return entries }
            guard case .scalar(let key, _) = event else { throw problem("a key must be plain text", line) }
            if let words = Unseen.objection(to: key) { throw problem("a key \(words)", line) }
            guard seen.insert(key).inserted else { throw problem("'\(key)' stands here twice", line) }
            let (value, valueLine) = try next()
            entries.append(.init(key: key, line: line, value: try node(value, valueLine, depth: depth + 1)))
        }
    }

    private mutating func next() throws(ConfigurationProblem) -> (Event, line: Int) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            let words = parser.pointee.problem.map { String(cString: $0) } ?? "not valid YAML"
            throw problem(words, Int(parser.pointee.problem_mark.line) + 1)
        }
        defer { yaml_event_delete(&event) }
        let line = Int(event.start_mark.line) + 1
        switch event.type {
        case YAML_STREAM_START_EVENT: return (.streamStart, line)
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, line)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, line)
        case YAML_STREAM_END_EVENT: return (.streamEnd, line)
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, line)
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, line)
        case YAML_SEQUENCE_START_EVENT:
            try refuseExtras(event.data.sequence_start.anchor, event.data.sequence_start.tag, line)
            return (.sequenceStart, line)
        case YAML_MAPPING_START_EVENT:
            try refuseExtras(event.data.mapping_start.anchor, event.data.mapping_start.tag, line)
            return (.mappingStart, line)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            try refuseExtras(scalar.anchor, scalar.tag, line)
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return (.scalar(text, plain: scalar.style == YAML_PLAIN_SCALAR_STYLE), line)
        default:
            throw problem("aliases (*name) are not read; write the value out", line)
        }
    }

    private func refuseExtras(
        _ anchor: UnsafeMutablePointer<yaml_char_t>?, _ tag: UnsafeMutablePointer<yaml_char_t>?, _ line: Int
    ) throws(ConfigurationProblem) {
        if anchor != nil { throw problem("anchors (&name) are not read; write the value out", line) }
        if tag != nil { throw problem("tags (!name) are not read", line) }
    }

    private func problem(_ message: String, _ line: Int) -> ConfigurationProblem {
        ConfigurationProblem(place: "\(file):\(line)", message: message)
    }
}
