extension String {
    /// A name of a column or key as it is compared: `User Principal Name`, `userPrincipalName` and
    /// `user_principal_name` are one. Without a byte order mark, blanks, `_` and `-`, in lower case.
    var foldedName: String {
        if utf8.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }) { return self }
        let text = ByteOrderMark.stripped(self)
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else {
            return String(
                String.UnicodeScalarView(
                    text.lowercased().unicodeScalars.filter {
                        !$0.properties.isWhitespace && $0 != "_" && $0 != "-" && $0 != "\u{FEFF}"
                    }))
        }
        var folded = [UInt8]()
        folded.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "_"), UInt8(ascii: "-"), 0x09...0x0D, 0x20: continue
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): folded.append(byte | 0x20)
            default: folded.append(byte)
            }
        }
        return String(decoding: folded, as: UTF8.self)
    }
}
