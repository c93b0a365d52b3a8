import Foundation
import Testing

struct FormatTests {
    /// Also finds force unwraps and `try!`, which are rules of `.swift-format`.
    @Test func swiftFormatFindsNothing() throws {
        let files = (SourceTree.sources + SourceTree.tests).map(\.path) + ["Package.swift"]
        #expect(files.count > 100)
        let lint = try Subprocess.run(
            "swift", ["format", "lint", "--strict", "--parallel"] + files, in: SourceTree.root)
        #expect(lint.status == 0, "\(lint.output.suffix(8_000))")
    }
}
