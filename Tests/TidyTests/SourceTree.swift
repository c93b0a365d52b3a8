import Foundation

/// A Swift file of the repository.
struct SourceFile {
    /// Relative to the repository, such as `Sources/Tenancy/Role.swift`.
    let path: String
    let text: String
    /// The same lines with comments and the text of string literals blanked out; interpolated code stays.
    let code: [String]

    /// The folder below `Sources` or `Tests`.
    var target: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : ""
    }

    func isIn(_ places: [String]) -> Bool {
        places.contains { path.hasPrefix($0) }
    }
}

/// The repository that this test was compiled in.
enum SourceTree {
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static let sources = swiftFiles(in: "Sources")
    static let tests = swiftFiles(in: "Tests")

    /// Every folder that is a target of its own.
    static var targets: Set<String> { Set(sources.map(\.target)) }

    private static func swiftFiles(in folder: String) -> [SourceFile] {
        let base = root.appending(path: folder)
        let walk = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)
        var files: [SourceFile] = []
        while let url = walk?.nextObject() as? URL {
            let path = folder + url.path(percentEncoded: false).dropFirst(base.path(percentEncoded: false).count)
            guard path.hasSuffix(".swift"), !isGenerated(path), !path.contains("/.") else { continue }
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            files.append(SourceFile(path: path, text: text, code: SwiftText.code(of: text)))
        }
        return files.sorted { $0.path < $1.path }
    }

    static func isGenerated(_ path: String) -> Bool {
        path.contains("/Generated/")
    }

    /// Every file that git has or would take; of binary files nothing.
    static func trackedTexts() throws -> [(path: String, text: String)] {
        let listed = try Subprocess.run(
            "git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], in: root)
        return listed.output.split(separator: "\0").map(String.init).compactMap { path in
            (try? String(contentsOf: root.appending(path: path), encoding: .utf8)).map { (path, $0) }
        }
    }
}

/// A program run to its end.
enum Subprocess {
    static func run(
        _ program: String, _ arguments: [String], in folder: URL
    ) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.currentDirectoryURL = folder
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }
}
