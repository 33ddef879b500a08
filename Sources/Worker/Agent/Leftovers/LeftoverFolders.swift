import EventLoop
import Glibc

/// A worker's work folder. It has a folder for each start of a sidecar, and a note with the node and process of its
/// owner.
extension SidecarMark {
    static let folderPrefix = "berth-"
    static let noteBytesMax = 256

    /// The folder of this worker's work folders. Its name is short, because browsers make unix
    /// sockets in it (`WorkFolderPath`).
    func folder(in parent: String) -> String { "\(parent)/\(SidecarMark.folderName(generation))" }

    static func folderName(_ generation: String) -> String { "\(folderPrefix)\(generation.suffix(8))" }

    /// Makes that folder with its note; false if that fails, with the reason in `errno`.
    func makeFolder(in parent: String, owner: String? = Leftovers.name(of: getpid())) -> Bool {
        let folder = folder(in: parent)
        return mkdir(folder, 0o700) == 0 && Files.write("\(folder)/owner", "\(node) \(owner ?? "")")
    }
}

/// Work folders that outlived their worker.
enum LeftoverFolders {
    /// Removes the work folders in `parent` whose note names this node and a worker that is gone.
    ///
    /// - Parameter living: generations of living workers, whose folders stay.
    static func sweep(_ parent: String, node: String, except living: Set<String>) {
        let kept = Set(living.map(SidecarMark.folderName))
        for name in Files.entries(parent) where name.hasPrefix(SidecarMark.folderPrefix) {
            guard !kept.contains(name),
                let folder = OwnFolder("\(parent)/\(name)"),
                let note = folder.read("owner", bytesMax: SidecarMark.noteBytesMax)?.split(separator: " "),
                note.first == node[...], !Leftovers.isAlive(owner: String(note.dropFirst().first ?? ""))
            else { continue }
            // Empties the folder that the note was read from, because another folder may have its name by now.
            folder.empty()
            rmdir("\(parent)/\(name)")
        }
    }
}
