import Foundation
import Testing

/// Documents say what is there: links lead somewhere, files and definitions that are named exist, and the map of the
/// targets is that of the imports.
struct DocumentTests {
    /// Every file that git has or would take, by path.
    static let texts: Result<[String: String], any Error> = Result {
        Dictionary(uniqueKeysWithValues: try SourceTree.trackedTexts().map { ($0.path, $0.text) })
    }

    static func documents() throws -> [(path: String, text: String)] {
        try texts.get().filter { $0.key.hasSuffix(".md") }.map { ($0.key, $0.value) }.sorted { $0.path < $1.path }
    }

    // MARK: Reading

    /// The lines outside fenced blocks.
    static func prose(_ text: String) -> [Substring] {
        var isFenced = false
        return text.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
            if line.hasPrefix("```") {
                isFenced.toggle()
                return false
            }
            return !isFenced
        }
    }

    /// Targets of links to files and headings of this repository.
    static func links(in text: String) -> [String] {
        prose(text).flatMap { line in
            line.matches(of: /\]\(([^()\s]+)\)/).map { String($0.1) }
        }.filter { !$0.contains("://") && !$0.hasPrefix("mailto:") }
    }

    /// What a link to each heading ends with, as hosts of repositories make it.
    static func anchors(in text: String) -> Set<String> {
        Set(
            prose(text).filter { $0.hasPrefix("#") }.map { line in
                String(
                    line.drop { $0 == "#" }.drop { $0 == " " }.lowercased().compactMap { character in
                        if character.isLetter || character.isNumber || character == "_" || character == "-" {
                            return character
                        }
                        return character == " " ? "-" : nil
                    })
            })
    }

    /// Files that a document names in code marks: with a folder, or a name that ends as sources do.
    static func files(in text: String) -> [String] {
        prose(text).flatMap { line in line.matches(of: /`([^`\s]+)`/).map { String($0.1) } }.filter { name in
            let isPath = ["Sources/", "Tests/", "Protos/", "docs/"].contains { name.hasPrefix($0) }
            let isFile = [".swift", ".proto", ".py", ".sh"].contains { name.hasSuffix($0) && name != $0 }
            return (isPath || isFile) && !name.contains("*") && !name.contains("…")
        }
    }

    /// Names of rules: `**Name.**` at the start of a line.
    static func definitions(in text: String) -> Set<String> {
        Set(text.matches(of: /(?m)^\*\*([^*]+)\.\*\*/).map { String($0.1) })
    }

    // MARK: Rules

    @Test func linksLeadSomewhere() throws {
        let texts = try Self.texts.get()
        var wrong: [String] = []
        var count = 0
        for (path, text) in try Self.documents() {
            let folder = path.split(separator: "/").dropLast().map(String.init)
            for link in Self.links(in: text) {
                count += 1
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                var place = parts[0].isEmpty ? path.split(separator: "/").map(String.init) : folder
                for step in parts[0].split(separator: "/") where step != "." {
                    if step == ".." { _ = place.popLast() } else { place.append(String(step)) }
                }
                let target = place.joined(separator: "/")
                if let found = texts[target] {
                    if parts.count > 1, !Self.anchors(in: found).contains(String(parts[1])) {
                        wrong.append("\(path): \(target) has no heading #\(parts[1])")
                    }
                } else if target.hasSuffix(".png") {
                    let picture = SourceTree.root.appending(path: target)
                    if (try? picture.checkResourceIsReachable()) == true { continue }
                    wrong.append("\(path): there is no \(target)")
                } else if !texts.keys.contains(where: { $0.hasPrefix(target + "/") }) {
                    wrong.append("\(path): there is no \(target)")
                }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
        #expect(count > 20)
    }

    /// What a changelog says may be of the past.
    @Test func filesThatAreNamedExist() throws {
        let paths = try Self.texts.get().keys
        var wrong: [String] = []
        for (path, text) in try Self.documents() where path != "CHANGELOG.md" {
            for name in Self.files(in: text) {
                let name = name.hasSuffix("/") ? String(name.dropLast()) : name
                let isThere = paths.contains {
                    $0 == name || $0.hasSuffix("/" + name) || $0.hasPrefix(name + "/") || $0.contains("/\(name)/")
                }
                if !isThere { wrong.append("\(path): there is no \(name)") }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    /// A number says nothing to a reader.
    @Test func rulesAreNamed() throws {
        let texts = try Self.texts.get()
        let names = Self.definitions(in: try #require(texts["docs/definitions.md"]))
        #expect(names.count > 30)
        var used: Set<String> = []
        var wrong: [String] = []
        for (path, text) in texts where path.hasSuffix(".swift") || path.hasSuffix(".md") || path.hasSuffix(".proto") {
            for match in text.matches(of: /[Dd]efinition “([^”]+)”/) {
                // A name may go on in the next line, behind the marks of a comment.
                let name = String(match.1.replacing(/\n[\s\/]*/, with: " "))
                used.insert(name)
                if !names.contains(name) { wrong.append("\(path): no definition is named “\(name)”") }
            }
            if text.contains(/\b[Rr]ulings? [0-9]/) { wrong.append("\(path): names a rule by a number") }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
        #expect(used.count > 3)
    }

    /// Rows of the table of targets: name, what, which targets it may import.
    @Test func theMapIsThatOfTheImports() throws {
        let text = try #require(try Self.texts.get()["docs/architecture.md"])
        var map: [String: Set<String>] = [:]
        for line in text.split(separator: "\n") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
            guard cells.count == 5, let name = cells[1].firstMatch(of: /^ `(\w+)` $/) else { continue }
            map[String(name.1)] = Set(cells[3].matches(of: /`(\w+)`/).map { String($0.1) })
        }
        let targets = Set(ImportTests.allowed.keys)
        for (target, imports) in ImportTests.allowed.sorted(by: { $0.key < $1.key }) {
            #expect(map[target] == imports.intersection(targets), "\(target)")
        }
    }
}
