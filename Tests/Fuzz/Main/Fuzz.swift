import FuzzTargets
import Glibc

// `make fuzz` builds this program with FUZZING and libFuzzer, which draws the inputs. A plain build runs the files that
// are named: an input that libFuzzer has found, under a debugger.

/// The target that BERTH_FUZZ names.
private let target: FuzzTarget = {
    let name = getenv("BERTH_FUZZ").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget.named(name) else {
        print("BERTH_FUZZ names one of: \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
        exit(64)
    }
    return target
}()

private func check(_ bytes: [UInt8]) {
    if let words = target.objection(bytes) { fatalError("\(target.name): \(words)") }
}

#if FUZZING
    @_silgen_name("LLVMFuzzerRunDriver") private func runDriver(
        _ count: UnsafeMutablePointer<Int32>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
    ) -> Int32

    @main enum Fuzz {
        static func main() {
            _ = target
            var count = CommandLine.argc
            var arguments = CommandLine.unsafeArgv
            exit(
                runDriver(&count, &arguments) { start, count in
                    check(Array(UnsafeBufferPointer(start: start, count: count)))
                    return 0
                })
        }
    }
#else
    @main enum Fuzz {
        static func main() {
            for path in CommandLine.arguments.dropFirst() {
                guard let file = fopen(path, "rb") else {
                    print("\(path): \(String(cString: strerror(errno)))")
                    exit(1)
                }
                var bytes = [UInt8](repeating: 0, count: 1 << 20)
                bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
                fclose(file)
                check(bytes)
                print("\(path): \(bytes.count) bytes, all rules hold")
            }
        }
    }
#endif
