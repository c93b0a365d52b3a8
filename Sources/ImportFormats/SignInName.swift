import Cryptography
import LicenseModel
import Tenancy

/// What a file has where the sign-in name of a person should be.
struct SignInName {
    /// As ids carry it: lower-cased, without the mark of a deleted person. Bytes that no id may hold are written `%xx`,
    /// so that a name with an umlaut still counts, and is the same in every file. May be longer than an id may be.
    let text: String
    /// True for 32 hexadecimal digits, with or without the hyphens of a GUID: what reports print for concealed names.
    let isDigest: Bool

    /// Nil for nobody: an empty name, or `(Unknown)`.
    init?(_ raw: String?) {
        guard let raw else { return nil }
        let name = Self.withoutMark(raw.trimmedBlanks.lowercased())
        if name.isEmpty || name == "(unknown)" { return nil }
        isDigest = Self.isDigest(name)
        // One digest comes in both forms; without hyphens they are the same person.
        text = isDigest ? name.filter { $0 != "-" } : Self.visible(name)
    }

    /// Nil when no id is long enough.
    var id: String? { (try? FieldRules.id(text, "") as UserID) == nil ? nil : text }

    static func isDigest(_ name: String) -> Bool {
        isHexadecimal(name.utf8, count: 32) || name.isGUID
    }

    /// The directory puts 32 hexadecimal digits before the name of somebody who is deleted. Without them the name is
    /// that of the person.
    private static func withoutMark(_ name: String) -> String {
        let bytes = name.utf8
        guard bytes.count > 33, isHexadecimal(bytes.prefix(32), count: 32) else { return name }
        let rest = name.dropFirst(32)
        return rest.contains("@") && !rest.hasPrefix("@") ? String(rest) : name
    }

    private static func isHexadecimal(_ bytes: some Collection<UInt8>, count: Int) -> Bool {
        bytes.count == count && bytes.allSatisfy { $0 < 0x80 && Character(Unicode.Scalar($0)).isHexDigit }
    }

    private static func visible(_ name: String) -> String {
        guard !name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return name }
        var text = ""
        for byte in name.utf8 {
            if (0x21...0x7E).contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "%" + Hex.text(of: [byte])
            }
        }
        return text
    }
}

extension String {
    /// A name fit for a fact: control characters and line ends become blanks.
    var cleanedName: String {
        var text = ""
        for scalar in unicodeScalars {
            text.unicodeScalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return text.trimmedBlanks
    }

    /// False when it is longer than a name in a fact may be.
    var fitsName: Bool { (try? FieldRules.name(self, "")) != nil }

    /// The beginning that fits into a name.
    var cutToName: String {
        if fitsName { return self }
        var text = ""
        for character in self {
            guard (text + String(character)).fitsName else { break }
            text.append(character)
        }
        return text
    }
}
