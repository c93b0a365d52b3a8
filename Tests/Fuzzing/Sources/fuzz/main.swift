// fuzz TARGET [libFuzzer's options and folders]: runs a target under libFuzzer.
// fuzz --list: the names of the targets.
// fuzz --write FOLDER: inputs by the product's own encoders and the dictionaries, as libFuzzer reads them.
import Foundation
import FuzzTargets

typealias Entry = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

/// Of libFuzzer's library without a `main` of its own.
@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ entry: Entry
) -> CInt

/// A dictionary of libFuzzer: one word a line, bytes outside visible ASCII in hexadecimal.
func dictionary(_ words: [String]) -> String {
    words.map { word in
        let bytes = word.utf8.map { byte in
            if byte >= 0x20, byte < 0x7F, byte != 0x22, byte != 0x5C { return String(UnicodeScalar(byte)) }
            return "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return "\"\(bytes.joined())\"\n"
    }.joined()
}

func write(to folder: String) throws {
    for target in FuzzTarget.all + [.canary] {
        let place = URL(filePath: folder).appending(path: target.name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for (number, seed) in target.seeds().enumerated() {
            try Data(seed).write(to: place.appending(path: "made-\(number)"))
        }
        try Data(dictionary(target.dictionary).utf8).write(
            to: URL(filePath: folder).appending(path: "\(target.name).dict"))
    }
}

nonisolated(unsafe) var chosen: FuzzTarget?

switch CommandLine.arguments.dropFirst().first {
case "--list": print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
case "--write" where CommandLine.arguments.count == 3: try write(to: CommandLine.arguments[2])
case let name?:
    guard let target = FuzzTarget.named(name) else {
        FileHandle.standardError.write(Data("fuzz: no target \(name)\n".utf8))
        exit(2)
    }
    chosen = target
    // libFuzzer sees the arguments without the target's name.
    var arguments: [UnsafeMutablePointer<CChar>?] =
        CommandLine.arguments.enumerated().filter { $0.offset != 1 }
        .map { strdup($0.element) } + [nil]
    var count = CInt(arguments.count - 1)
    exit(
        arguments.withUnsafeMutableBufferPointer { buffer in
            guard var base = buffer.baseAddress else { return 1 }
            return runDriver(&count, &base) { bytes, length in
                chosen?.run(Array(UnsafeBufferPointer(start: bytes, count: length)))
                return 0
            }
        })
default:
    FileHandle.standardError.write(Data("usage: fuzz TARGET [options], fuzz --list, fuzz --write FOLDER\n".utf8))
    exit(2)
}
