import Foundation
import Testing

/// The folders of a target are floors: what is declared on one may be named on those above it alone.
struct FolderTests {
    /// By target and folder, the folders below it that it may name. A folder that is missing here may not exist.
    static let floors: [String: [String: Set<String>]] = [
        "InsightsServer": [
            "Assembly": ["Services", "Admission", "Replies", "Requests", "State"],
            "Services": ["Admission", "Replies", "Requests", "State"],
            "Admission": ["Replies", "Requests", "State"],
            "Replies": [],
            "Requests": [],
            "State": [],
        ]
    ]

    struct Arrow: Hashable, Comparable {
        let from: String
        let to: String
        /// A name declared on `to`, and the file on `from` that has it.
        let name: String
        let file: String

        static func < (left: Arrow, right: Arrow) -> Bool { (left.file, left.name) < (right.file, right.name) }
    }

    /// The folder of a file within its target; nil for a file beside the folders.
    static func folder(of file: SourceFile) -> String? {
        let parts = file.path.split(separator: "/")
        return parts.count > 3 ? String(parts[2]) : nil
    }

    /// Names of types that a file declares for others: at its top level, not `private`. Functions are left out: other
    /// things have their names too.
    static func declarations(in file: SourceFile) -> Set<String> {
        let kinds: Set<String> = ["struct", "class", "enum", "protocol", "actor", "typealias"]
        var names: Set<String> = []
        for line in file.code where line.first?.isLetter == true {
            let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init)
            guard !words.contains("private"), !words.contains("fileprivate"),
                let kind = words.firstIndex(where: kinds.contains), kind + 1 < words.count
            else { continue }
            names.insert(words[kind + 1])
        }
        return names
    }

    static func words(in file: SourceFile) -> Set<String> {
        var words: Set<String> = []
        for line in file.code {
            words.formUnion(line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
        }
        return words
    }

    /// What files of one folder name that files of another declare; names that several folders declare are nobody's.
    static func arrows(between files: [SourceFile]) -> Set<Arrow> {
        var home: [String: Set<String>] = [:]
        for file in files {
            for name in declarations(in: file) { home[name, default: []].insert(folder(of: file) ?? "") }
        }
        var arrows: Set<Arrow> = []
        for file in files {
            let from = folder(of: file) ?? ""
            for word in words(in: file) {
                guard let homes = home[word], homes.count == 1, let to = homes.first, to != from else { continue }
                arrows.insert(Arrow(from: from, to: to, name: word, file: file.path))
            }
        }
        return arrows
    }

    @Test(arguments: floors.keys.sorted())
    func arrowsPointDown(_ target: String) throws {
        let allowed = try #require(Self.floors[target])
        let files = SourceTree.sources.filter { $0.target == target }
        #expect(Set(files.map { Self.folder(of: $0) ?? "" }) == Set(allowed.keys))
        let wrong = Self.arrows(between: files).filter { allowed[$0.from]?.contains($0.to) != true }
        let text = wrong.sorted().map { "\($0.file) names \($0.name) of \($0.to)" }
        #expect(wrong.isEmpty, "\(text.joined(separator: "\n"))")
        // And there is something to hold: a table that nothing would break says nothing.
        #expect(Self.arrows(between: files).contains { $0.from == "Assembly" && $0.to == "Services" })
    }
}
