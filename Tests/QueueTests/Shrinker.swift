/// Cuts a list that fails down to a short one that still does: first to what came last, then part by part, the parts
/// halved each time. When the time is over it is as short as it had become.
struct Shrinker {
    let seconds: Int

    /// - Parameter fails: whether a list fails in the same way; `all` does.
    func shrink(_ all: [Int], fails: ([Int]) -> Bool) -> [Int] {
        let end = ContinuousClock.now + .seconds(seconds)
        var left = all
        var tail = 16
        while tail < left.count, .now < end {
            let last = Array(left.suffix(tail))
            if fails(last) { left = last }
            tail *= 2
        }
        var size = max(1, left.count / 2)
        while .now < end {
            var hasShrunk = false
            var start = 0
            while start < left.count, left.count > 1, .now < end {
                let shorter = Array(left[..<start] + left[min(start + size, left.count)...])
                if !shorter.isEmpty, fails(shorter) {
                    (left, hasShrunk) = (shorter, true)
                } else {
                    start += size
                }
            }
            if size == 1, !hasShrunk { break }
            size = max(1, size / 2)
        }
        return left
    }
}
