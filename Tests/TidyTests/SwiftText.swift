/// Tells code from comments and string literals, just well enough for the rules of this target.
enum SwiftText {
    private enum Context {
        /// Interpolated code, until its parentheses close.
        case code(parentheses: Int)
        case lineComment
        case blockComment(depth: Int)
        /// `pounds` of `#` around a literal of one or three quotes.
        case string(pounds: Int, quotes: Int)
    }

    /// The lines with everything blanked out that is no code.
    static func code(of text: String) -> [String] {
        var scanner = Scanner(text)
        return scanner.lines()
    }

    private struct Scanner {
        private let bytes: [UInt8]
        private var index = 0
        private var stack: [Context] = [.code(parentheses: 0)]
        private var output: [UInt8] = []

        init(_ text: String) {
            bytes = Array(text.utf8)
            output.reserveCapacity(bytes.count)
        }

        mutating func lines() -> [String] {
            while index < bytes.count {
                switch stack[stack.count - 1] {
                case .code(let parentheses): code(parentheses)
                case .lineComment: lineComment()
                case .blockComment(let depth): blockComment(depth)
                case .string(let pounds, let quotes): string(pounds, quotes)
                }
            }
            return String(decoding: output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
                .map(String.init)
        }

        private func starts(with text: String, at offset: Int = 0) -> Bool {
            bytes[min(index + offset, bytes.count)...].starts(with: text.utf8)
        }

        /// Takes `count` bytes; only code is shown. Line ends always are.
        private mutating func take(_ count: Int, shown: Bool) {
            for _ in 0..<count where index < bytes.count {
                let byte = bytes[index]
                output.append(shown || byte == UInt8(ascii: "\n") ? byte : UInt8(ascii: " "))
                index += 1
            }
        }

        private mutating func replace(_ context: Context) {
            stack[stack.count - 1] = context
        }

        private mutating func code(_ parentheses: Int) {
            if starts(with: "//") {
                stack.append(.lineComment)
                return take(2, shown: false)
            }
            if starts(with: "/*") {
                stack.append(.blockComment(depth: 1))
                return take(2, shown: false)
            }
            let pounds = bytes[index...].prefix { $0 == UInt8(ascii: "#") }.count
            if starts(with: "\"", at: pounds) {
                let quotes = starts(with: "\"\"\"", at: pounds) ? 3 : 1
                stack.append(.string(pounds: pounds, quotes: quotes))
                return take(pounds + quotes, shown: true)
            }
            if stack.count > 1 {
                if bytes[index] == UInt8(ascii: "(") { replace(.code(parentheses: parentheses + 1)) }
                if bytes[index] == UInt8(ascii: ")") {
                    if parentheses == 1 { stack.removeLast() } else { replace(.code(parentheses: parentheses - 1)) }
                }
            }
            take(max(pounds, 1), shown: true)
        }

        private mutating func lineComment() {
            if bytes[index] == UInt8(ascii: "\n") { stack.removeLast() }
            take(1, shown: false)
        }

        private mutating func blockComment(_ depth: Int) {
            if starts(with: "/*") {
                replace(.blockComment(depth: depth + 1))
                take(2, shown: false)
            } else if starts(with: "*/") {
                if depth == 1 { stack.removeLast() } else { replace(.blockComment(depth: depth - 1)) }
                take(2, shown: false)
            } else {
                take(1, shown: false)
            }
        }

        private mutating func string(_ pounds: Int, _ quotes: Int) {
            let marks = String(repeating: "#", count: pounds)
            if starts(with: "\\" + marks + "(") {
                stack.append(.code(parentheses: 1))
                take(2 + pounds, shown: false)
            } else if starts(with: "\\" + marks) {
                take(2 + pounds, shown: false)
            } else if starts(with: String(repeating: "\"", count: quotes) + marks) {
                stack.removeLast()
                take(quotes + pounds, shown: true)
            } else {
                take(1, shown: false)
            }
        }
    }
}
