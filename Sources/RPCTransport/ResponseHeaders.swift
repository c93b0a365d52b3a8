import GRPCCore

/// A header block of a response: the first one, or the trailers.
struct ResponseHeaders {
    /// Bytes of names and values that one block may have, which is what the transport announces.
    static let maximumBytes = 65_536

    private(set) var metadata = Metadata()
    private(set) var bytes = 0
    private var httpStatus: String?
    private var contentType: String?
    private var code: String?
    private var message: String?

    /// False when the block is too large.
    mutating func add(_ name: String, _ value: String) -> Bool {
        // 32 bytes for each field, as HTTP/2 counts.
        bytes += name.utf8.count + value.utf8.count + 32
        guard bytes <= Self.maximumBytes else { return false }
        switch name {
        case ":status": httpStatus = value
        case "content-type": contentType = value
        case "grpc-status": code = value
        case "grpc-message": message = value
        case "grpc-encoding", "grpc-accept-encoding": break
        case _ where name.hasPrefix(":"): break
        case _ where name.hasSuffix("-bin"):
            for part in value.split(separator: ",") {
                // Padding is allowed and not needed.
                let text = part.drop { $0 == " " }.prefix { $0 != "=" && $0 != " " }
                metadata.addString(String(text), forKey: name)
            }
        default: metadata.addString(value, forKey: name)
        }
        return true
    }

    /// 1xx: the real one follows.
    var isInterim: Bool { httpStatus?.hasPrefix("1") ?? false }

    /// Why the first block is none of gRPC.
    var refusal: RPCError? {
        guard httpStatus == "200" else {
            return RPCError(
                code: Self.code(ofHTTP: httpStatus ?? ""),
                message: "the server answered with HTTP status \(httpStatus ?? "missing")")
        }
        guard let contentType, contentType.hasPrefix("application/grpc") else {
            return RPCError(code: .unknown, message: "the server's answer is not of gRPC")
        }
        return nil
    }

    /// How the call ended, of a block that ends it. An error when the block does not say.
    func status() throws(RPCError) -> Status {
        guard let code else {
            // Trailers have no status of HTTP.
            if httpStatus != nil, let refusal { throw refusal }
            throw RPCError(code: .internalError, message: "the server ended the call without a status")
        }
        guard let number = Int(code), let code = Status.Code(rawValue: number) else {
            return Status(code: .unknown, message: Self.decoded(message ?? "the server sent a status that is none"))
        }
        return Status(code: code, message: Self.decoded(message ?? ""))
    }

    /// Undoes the percent encoding; what is none stays as it is.
    static func decoded(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            // A sign would be taken for part of a number.
            if byte == UInt8(ascii: "%"), digits.count == 2,
                let first = digits.first, Character(UnicodeScalar(first)).isHexDigit,
                let value = UInt8(Substring(digits), radix: 16)
            {
                bytes.append(value)
                rest.removeFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func code(ofHTTP status: String) -> RPCError.Code {
        switch status {
        case "400": .internalError
        case "401": .unauthenticated
        case "403": .permissionDenied
        case "404": .unimplemented
        case "429", "502", "503", "504": .unavailable
        default: .unknown
        }
    }
}
