import Testing

/// Nothing is so long that a reader loses the thread. Generated code is exempt.
struct SizeTests {
    static let fileLines = 500
    static let functionLines = 70
    static let columns = 120

    @Test func files() {
        let long = (SourceTree.sources + SourceTree.tests).filter { $0.code.count - 1 > Self.fileLines }
        #expect(long.isEmpty, "\(long.map { "\($0.path): \($0.code.count - 1) lines" }.joined(separator: "\n"))")
    }

    @Test func lines() {
        var wrong: [String] = []
        for file in SourceTree.sources + SourceTree.tests {
            for (number, line) in file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            // A string literal that stands alone on its line may be as long as it is.
            where line.count > Self.columns && line.first(where: { $0 != " " }) != "\"" {
                wrong.append("\(file.path):\(number + 1): \(line.count) columns")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test func functions() {
        var wrong: [String] = []
        for file in SourceTree.sources + SourceTree.tests {
            for function in Functions.all(in: file.code) where function.lines > Self.functionLines {
                wrong.append("\(file.path):\(function.start): \(function.lines) lines")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }
}

/// Finds functions by their braces.
enum Functions {
    struct Function {
        /// Line of the declaration, from 1.
        let start: Int
        /// From the declaration to the closing brace.
        let lines: Int
    }

    static func all(in code: [String]) -> [Function] {
        var found: [Function] = []
        var open: [(start: Int, depth: Int)] = []
        var depth = 0
        /// A declaration whose body has not begun, and the depth of parentheses since.
        var pending: (start: Int, parentheses: Int)?
        for (index, line) in code.enumerated() {
            if declares(line) { pending = (index + 1, 0) }
            for character in line {
                switch character {
                case "(": pending?.parentheses += 1
                case ")": pending?.parentheses -= 1
                case "{":
                    if let declaration = pending, declaration.parentheses == 0 {
                        open.append((declaration.start, depth))
                        pending = nil
                    }
                    depth += 1
                case "}":
                    depth -= 1
                    // A requirement of a protocol has no body; a default argument may have braces.
                    if pending?.parentheses == 0 { pending = nil }
                    if let last = open.last, last.depth == depth {
                        found.append(Function(start: last.start, lines: index + 2 - last.start))
                        open.removeLast()
                    }
                default: break
                }
            }
        }
        return found
    }

    private static func declares(_ line: String) -> Bool {
        for word in line.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }) {
            switch word {
            case "func", "init", "deinit", "subscript": return true
            case "public", "private", "internal", "fileprivate", "static", "mutating", "consuming", "borrowing",
                "override", "convenience", "inline", "__always", "nonisolated", "final", "isolated",
                "discardableResult",
                "usableFromInline", "inlinable", "Sendable", "MainActor", "Test", "specialize", "Self", "where":
                continue
            default: return false
            }
        }
        return false
    }
}
