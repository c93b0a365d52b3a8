/// Text that cannot leave the line or the string that it is written in.
package enum SafeText {
    /// Appends `text` with everything escaped that could end a JSON string or a line, or steer a terminal or an
    /// editor: quotes, backslash, C0 and C1 controls, line and paragraph separators, and the marks that turn the
    /// direction of writing. The result is valid inside the quotes of a JSON string.
    ///
    /// - Parameter limit: bytes to append at most; a scalar is written whole or not at all.
    /// - Returns: whether all of `text` was written.
    @discardableResult
    package static func append(_ text: some StringProtocol, to bytes: inout [UInt8], limit: Int = .max) -> Bool {
        if isPlain(text), text.utf8.count <= limit {
            bytes.append(contentsOf: text.utf8)
            return true
        }
        let end = limit > .max - bytes.count ? Int.max : bytes.count + limit
        for scalar in text.unicodeScalars {
            let before = bytes.count
            append(scalar, to: &bytes)
            if bytes.count > end {
                bytes.removeLast(bytes.count - before)
                return false
            }
        }
        return true
    }

    /// Whether there is nothing to escape, as nearly always.
    private static func isPlain(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { $0 &- 0x20 < 0x5F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    }

    private static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        switch scalar.value {
        case 0x22: bytes.append(contentsOf: "\\\"".utf8)
        case 0x5C: bytes.append(contentsOf: "\\\\".utf8)
        case 0x0A: bytes.append(contentsOf: "\\n".utf8)
        case 0x0D: bytes.append(contentsOf: "\\r".utf8)
        case 0x09: bytes.append(contentsOf: "\\t".utf8)
        case 0x20..<0x7F: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
        case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF:
            bytes.append(contentsOf: "\\u".utf8)
            for shift in [12, 8, 4, 0] { bytes.append(hexDigit(UInt8(scalar.value >> UInt32(shift) & 0xF))) }
        default: bytes.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
        }
    }

    /// The lower-case digit of a number below 16.
    package static func hexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + (nibble & 0xF) - 10
    }
}
