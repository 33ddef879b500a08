/// Room left on one file system.
public struct FreeSpace: Hashable, Sendable {
    public let freeBytes: UInt64
    public let totalBytes: UInt64
    /// Files that can still be made.
    public let freeFiles: UInt64
    /// 0 if the file system has no limit.
    public let totalFiles: UInt64

    public init(freeBytes: UInt64, totalBytes: UInt64, freeFiles: UInt64, totalFiles: UInt64) {
        self.freeBytes = freeBytes
        self.totalBytes = totalBytes
        self.freeFiles = freeFiles
        self.totalFiles = totalFiles
    }
}

/// Tells if a file system has too little room for more sessions.
///
/// A floor is at most a quarter of the file system, because a small one may be all that there is: /dev/shm has 64 MiB in
/// most containers. There is room again when a quarter more than the floor is free, so that slots do not go back and forth.
public struct SpaceFloor: Sendable {
    /// Free bytes of the work folder's file system.
    public static let folderBytesMin: UInt64 = 268_435_456
    /// The same as a part of the file system, in percent. The larger of the two counts.
    public static let folderPercentMin: UInt64 = 2
    /// The most that this part comes to.
    public static let folderPartBytesMax: UInt64 = 4_294_967_296
    /// Files that can still be made there.
    public static let filesMin: UInt64 = 1_000
    /// Free bytes of /dev/shm.
    public static let shmBytesMin: UInt64 = 67_108_864

    private let path: String
    private let bytesMin: UInt64
    private let percentMin: UInt64
    private let filesMin: UInt64
    /// The end of the sentence: the remedy.
    private let remedy: String
    /// In words for the operator, why there is no room. nil if there is.
    public private(set) var trouble: String?

    /// The folder in which the worker makes its work folder.
    public static func folder(_ path: String) -> SpaceFloor {
        SpaceFloor(
            path, bytesMin: folderBytesMin, percentMin: folderPercentMin, filesMin: filesMin,
            remedy: "remove files there, or set TMPDIR to a larger file system")
    }

    /// The memory that browsers share among their processes.
    public static func sharedMemory(_ path: String) -> SpaceFloor {
        SpaceFloor(
            path, bytesMin: shmBytesMin, percentMin: 0, filesMin: 0,
            remedy: "remove files there, or make it larger (--shm-size=1g for a container)")
    }

    private init(_ path: String, bytesMin: UInt64, percentMin: UInt64, filesMin: UInt64, remedy: String) {
        self.path = path
        self.bytesMin = bytesMin
        self.percentMin = percentMin
        self.filesMin = filesMin
        self.remedy = remedy
    }

    /// A look at the file system.
    /// - Parameter space: nil if unknown, which changes nothing.
    public mutating func look(_ space: FreeSpace?) {
        guard let space else { return }
        let part = min(space.totalBytes / 100 * percentMin, SpaceFloor.folderPartBytesMax)
        let bytes = wanted(max(min(bytesMin, space.totalBytes / 4), part))
        let files = wanted(min(filesMin, space.totalFiles / 4))
        if space.freeBytes < bytes {
            trouble = words("\(ByteSize.words(space.freeBytes)) left, and needs \(ByteSize.words(bytes))")
        } else if space.totalFiles > 0 && space.freeFiles < files {
            trouble = words("room for \(space.freeFiles) files, and needs it for \(files)")
        } else {
            trouble = nil
        }
    }

    private func wanted(_ floor: UInt64) -> UInt64 { trouble == nil ? floor : floor + floor / 4 }

    private func words(_ state: String) -> String {
        "\(path) has \(state): the worker takes no sessions; \(remedy)"
    }
}
