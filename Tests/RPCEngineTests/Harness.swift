import Foundation
import Testing

/// Runs the scripts of this target against the test server, which the build puts beside the tests.
enum Harness {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static let scripts = Bundle.module.bundleURL.appendingPathComponent("Scripts")
    static let server = Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent("InteropServer")

    /// A folder with fresh certificates, made once for the whole run.
    static let certificates: Result<String, Failure> = {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("rpc-engine-\(ProcessInfo.processInfo.processIdentifier)").path
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try run("/bin/bash", [scripts.appendingPathComponent("certificates.sh").path, folder])
            return .success(folder)
        } catch { return .failure(Failure(description: "certificates: \(error)")) }
    }()

    /// Runs one case of a Python script.
    static func python(_ script: String, _ name: String) throws {
        let folder = try certificates.get()
        try run(
            "/usr/bin/env",
            ["python3", "-B", scripts.appendingPathComponent(script + ".py").path, server.path, folder, name])
    }

    static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw Failure(description: text) }
    }
}
