import InsightsAPI
import RPCEngine
import SwiftProtobuf

/// One unary call of Connect.
struct ConnectTranslation: WebTranslation {
    let method: Method
    let codec: ConnectCodec
    /// Of a GET, whose message is not in the body.
    let query: ConnectQuery?
    let isPacked: Bool
    let takesGzip: Bool

    var growth: Int { codec == .json ? 8 : 1 }

    func message(in body: [UInt8], limit: Int) throws(WebFailure) -> [UInt8] {
        var bytes = query?.message ?? body
        if query != nil, !body.isEmpty { throw .refused(RPCStatus(.invalidArgument, "a GET has no body")) }
        if isPacked {
            do throws(Gzip.Failure) {
                bytes = try Gzip.inflate(bytes, limit: 4 * limit)
            } catch .tooLarge {
                throw WebFailure.tooLarge
            } catch {
                throw WebFailure.refused(RPCStatus(.invalidArgument, "the body is not gzip"))
            }
        }
        if codec == .json { bytes = try proto(bytes) }
        guard bytes.count <= limit else { throw .tooLarge }
        return bytes
    }

    private func proto(_ json: [UInt8]) throws(WebFailure) -> [UInt8] {
        guard let type = method.messages?.request else { throw .refused(RPCStatus(.unimplemented, "unknown method")) }
        // No body at all is the empty message.
        if json.isEmpty { return [] }
        func refusal(_ reason: String) -> WebFailure {
            let text = "the message is no \(type.protoMessageName): \(reason)"
            let details = StatusDetails.serialized(
                code: Int32(RPCStatus.Code.invalidArgument.rawValue), message: text,
                details: [.errorInfo(reason: "MALFORMED_MESSAGE")])
            return .refused(RPCStatus(.invalidArgument, text, details: details))
        }
        do {
            let message = try type.init(jsonUTF8Bytes: json)
            try EnumRange.check(message)
            return try message.serializedBytes()
        } catch let error as JSONDecodingError {
            throw refusal(error.summary)
        } catch {
            throw refusal("it is no JSON")
        }
    }

    func response(_ result: Result<[UInt8], RPCStatus>, trailers: [(String, String)]) -> WebResponse {
        switch result {
        case .failure(let status): return ConnectError.response(to: status, trailers: trailers)
        case .success(let message):
            guard let body = written(message) else {
                return ConnectError.response(to: RPCStatus(.internalError, "the reply cannot be written"))
            }
            return WebReply.response(
                body, contentType: codec.contentType, headers: trailers.map { ("trailer-" + $0.0, $0.1) },
                takesGzip: takesGzip)
        }
    }

    private func written(_ message: [UInt8]) -> [UInt8]? {
        guard codec == .json else { return message }
        return try? WebReply.message(message, of: method)?.jsonUTF8Bytes()
    }
}

extension JSONDecodingError {
    /// For callers: of what they sent only the name of a field.
    fileprivate var summary: String {
        switch self {
        case .unknownField(let name): "it has no field \(String(name.unicodeScalars.prefix(64)))"
        case .messageDepthLimit: "it is nested too deep"
        case .malformedNumber, .leadingZero: "a number is not written as one of its field"
        case .numberRange: "a number is beyond the range of its field"
        case .malformedBool: "a value is neither true nor false"
        case .malformedString: "a text is missing, or is not well-formed"
        case .invalidUTF8: "it is not UTF-8"
        case .unrecognizedEnumValue: "an enum has no value of that name"
        case .illegalNull: "null is where it may not be"
        case .conflictingOneOf: "it has two fields of which one excludes the other"
        case .malformedTimestamp, .malformedDuration: "a time is not well-formed"
        case .malformedFieldMask: "a field mask is not well-formed"
        case .truncated: "it ends too early"
        case .trailingGarbage: "something follows behind its end"
        default: "it is no JSON of that form"
        }
    }
}
