import RPCEngine

/// A message in the query of a GET: `connect=v1&encoding=json&message=…`, with `base64=1` for bytes and
/// `compression=gzip` for those that are packed.
struct ConnectQuery {
    let codec: ConnectCodec
    let isPacked: Bool
    /// What stands for the body.
    let message: [UInt8]

    /// Whether a query has the names of one, however they are used.
    static func isMeant(by query: String) -> Bool {
        let names = Set(query.split(separator: "&").map { $0.prefix { $0 != "=" } })
        return names.isSuperset(of: ["encoding", "message"])
    }

    /// Nil for a query that is none, or that cannot be read. `connect` may be left out.
    init?(_ query: String) {
        var fields: [String: [UInt8]] = [:]
        for part in query.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentDecoding.text(pair[0]), let value = PercentDecoding.bytes(pair.last ?? ""),
                fields.updateValue(pair.count == 2 ? value : [], forKey: name) == nil
            else { return nil }
        }
        func text(_ name: String) -> String? { fields[name].map { String(decoding: $0, as: UTF8.self) } }
        guard text("connect") ?? "v1" == "v1", let codec = text("encoding").flatMap(ConnectCodec.init(rawValue:)),
            let value = fields["message"], Set(fields.keys).isSubset(of: Self.names)
        else { return nil }
        switch text("compression") {
        case nil, "", "identity": isPacked = false
        case "gzip": isPacked = true
        default: return nil
        }
        switch text("base64") {
        case nil, "0": message = value
        case "1":
            guard let bytes = URLBase64.decode(value) else { return nil }
            message = bytes
        default: return nil
        }
        self.codec = codec
    }

    private static let names: Set<String> = ["connect", "encoding", "message", "base64", "compression"]
}

/// What stands in a URL for bytes that may not.
enum PercentDecoding {
    /// Nil when a percent sign is not followed by two hex digits, and for what is not ASCII. A plus is a blank.
    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): result.append(0x20)
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                    return nil
                }
                result.append(high << 4 | low)
            case 0x80...: return nil
            default: result.append(byte)
            }
        }
        return result
    }

    /// The same as text; nil also for what is no UTF-8.
    static func text(_ text: some StringProtocol) -> String? {
        bytes(text).flatMap { String(validating: $0, as: UTF8.self) }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}

/// Base64 as Connect has it: with or without padding, and of either alphabet.
enum URLBase64 {
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        Base64.decode(
            text.map { byte in
                switch byte {
                case UInt8(ascii: "-"): UInt8(ascii: "+")
                case UInt8(ascii: "_"): UInt8(ascii: "/")
                default: byte
                }
            })
    }

    /// Without padding, in the alphabet of MIME, as Connect writes details.
    static func encode(_ bytes: [UInt8]) -> String { Metadata.encodeBinary(bytes) }
}
