import WorkerCore

/// How a sidecar ended. All processes that it started are gone too, but for `left`.
package struct SidecarEnding {
    /// `code(1)`, `signal(9)`.
    package let exit: String
    package let words: LastWords
    /// Output before that of `words`, in bytes.
    package let droppedBytes: UInt64
    /// Processes that could not be ended.
    package let left: Int

    package init(exit: String, words: LastWords, droppedBytes: UInt64, left: Int) {
        self.exit = exit
        self.words = words
        self.droppedBytes = droppedBytes
        self.left = left
    }
}
