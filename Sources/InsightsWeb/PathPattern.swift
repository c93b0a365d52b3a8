/// A path with variables for whole segments: `/customers/{customer_id}/users`.
package struct PathPattern: Sendable, ExpressibleByStringLiteral {
    private enum Segment: Sendable {
        case text(String)
        case variable(String)
    }

    /// As it is written.
    package let text: String
    private let segments: [Segment]

    package init(stringLiteral text: String) { self.init(text) }

    package init(_ text: String) {
        self.text = text
        segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
            part.hasPrefix("{") && part.hasSuffix("}")
                ? .variable(String(part.dropFirst().dropLast())) : .text(String(part))
        }
    }

    /// Segments of a path as it was sent, each decoded for itself, so that `%2F` is a character of one: nil for a path
    /// that nobody means, with empty segments (but a last one), `.` or `..`, a zero byte, or what is not UTF-8.
    package static func segments(of path: String) -> [String]? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= maximumSegments else { return nil }
        var segments: [String] = []
        for (position, part) in parts.enumerated() {
            guard let text = PercentDecoding.text(part.replacing("+", with: "%2B")), text != ".", text != "..",
                !text.utf8.contains(0), !text.isEmpty || position == parts.count - 1
            else { return nil }
            segments.append(text)
        }
        return segments
    }

    private static let maximumSegments = 16

    /// The variables of a path that the pattern describes; nil for any other path.
    package func variables(in path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var variables: [String: String] = [:]
        for (segment, text) in zip(segments, path) {
            switch segment {
            case .text(let expected): if text != expected { return nil }
            case .variable(let name):
                if text.isEmpty { return nil }
                variables[name] = text
            }
        }
        return variables
    }
}
