/// An address on this server: segments of a path and items of a query, each percent-encoded. There is no way to name
/// another host or scheme.
struct Link: Sendable {
    let text: String

    /// `/a/b?name=value#fragment`
    init(_ segments: String..., query: [(String, String)] = [], fragment: String = "") {
        var text = ""
        for segment in segments {
            text += "/"
            Self.append(segment, to: &text)
        }
        if segments.isEmpty { text = "/" }
        self.init(text, query, fragment)
    }

    /// The page that it stands on, with another query.
    static func here(_ query: [(String, String)]) -> Link { Link("", query.isEmpty ? [("", "")] : query, "") }

    /// A place on the page that it stands on.
    static func place(_ id: String) -> Link { Link("", [], id) }

    private init(_ path: String, _ query: [(String, String)], _ fragment: String) {
        var text = path
        for (index, item) in query.enumerated() {
            text += index == 0 ? "?" : "&"
            Self.append(item.0, to: &text)
            if item.0.isEmpty { continue }
            text += "="
            Self.append(item.1, to: &text)
        }
        if !fragment.isEmpty {
            text += "#"
            Self.append(fragment, to: &text)
        }
        self.text = text
    }

    private static func append(_ part: String, to text: inout String) {
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        for byte in part.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += "%"
                text.unicodeScalars.append(digits[Int(byte >> 4)])
                text.unicodeScalars.append(digits[Int(byte & 15)])
            }
        }
    }
}
