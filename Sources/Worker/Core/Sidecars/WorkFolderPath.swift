/// Names of work folders, and the longest path of their parent folder.
///
/// Chromium makes a unix socket in its temporary folder. The kernel takes 107 bytes for the path of one, so every name
/// that a worker adds is short.
public enum WorkFolderPath {
    /// Most bytes of a unix socket's path (unix(7)).
    public static let socketBytesMax = 107
    /// `/berth-xxxxxxxx/zzzz-zzzz`, and Chromium's `/org.chromium.Chromium.xxxxxx/SingletonSocket`.
    public static let addedBytesMax = 70
    /// Folder names repeat after so many starts of one sidecar: four digits of base 36.
    static let startsMax = 1_679_616
    /// The same for sidecars. A worker has fewer at a time.
    static let sidecarsMax = 1_679_616

    /// The folder of one start of a sidecar, within the worker's.
    public static func name(sidecar: Int, start: Int) -> String {
        "\(String(sidecar % sidecarsMax, radix: 36))-\(String(start % startsMax, radix: 36))"
    }

    /// Says why a folder for temporary files has too long a path; nil if sockets fit in it.
    ///
    /// - Parameter added: the most bytes that the socket's path has behind the folder's.
    public static func objection(to folder: String, added: Int = addedBytesMax) -> String? {
        let count = folder.utf8.count
        guard count + added > socketBytesMax else { return nil }
        return
            "TMPDIR: \(folder) has \(count) bytes, and \(socketBytesMax - added) are the most: unix sockets are made in "
            + "it, whose paths have at most \(socketBytesMax) bytes. Set TMPDIR to a shorter path, such as /tmp"
    }
}
