import Configuration
import EventLoop

/// Calls back when the files of the configuration have changed.
final class ConfigurationWatch {
    /// Between two looks at the files. A change is used after the second look that finds it.
    static let configurationLookMilliseconds: UInt64 = 1_000

    var files: [String]
    private let loop: Loop
    private let onChange: () -> Void
    private var changes: FileChanges<FileMark>
    private var timer: Timer?
    private var isLooking = false

    /// - Parameter files: need not exist.
    init(loop: Loop, files: [String], onChange: @escaping () -> Void) {
        self.loop = loop
        self.files = files
        self.onChange = onChange
        changes = FileChanges(ConfigurationWatch.marks(files))
        timer = loop.schedule(
            after: ConfigurationWatch.configurationLookMilliseconds,
            repeating: ConfigurationWatch.configurationLookMilliseconds
        ) { [weak self] in self?.look() }
    }

    func close() {
        timer?.cancel()
        timer = nil
    }

    /// A file server that does not answer must not stop the loop, so a thread looks.
    private func look() {
        guard !isLooking else { return }
        isLooking = true
        let files = files
        loop.runAside({ ConfigurationWatch.marks(files) }) { [self] marks in
            isLooking = false
            if timer != nil, changes.looked(marks) { onChange() }
        }
    }

    private static func marks(_ files: [String]) -> [String: FileMark] {
        Dictionary(files.map { ($0, FileMark($0)) }) { first, _ in first }.compactMapValues { $0 }
    }
}
