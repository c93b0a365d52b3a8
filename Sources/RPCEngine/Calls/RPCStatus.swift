/// The outcome of a call as gRPC knows it: a code, a text for developers and optional machine-readable details.
public struct RPCStatus: Error, Sendable {
    /// gRPC status codes with their wire numbers.
    public enum Code: UInt8, Sendable, CaseIterable {
        case ok = 0
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case internalError = 13
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16
    }

    public var code: Code
    /// Sent percent-encoded as `grpc-message`; longer texts are cut at 2,048 bytes.
    public var message: String
    /// A serialized `google.rpc.Status`, sent as `grpc-status-details-bin`; empty sends nothing.
    /// Details above 32 KiB are left out, because no client takes a header that long.
    public var details: [UInt8]
    /// Further trailers. Names are lower case; a value of a name that ends in `-bin` is base64 already.
    public var trailers: [(String, String)]

    public init(_ code: Code, _ message: String = "", details: [UInt8] = [], trailers: [(String, String)] = []) {
        self.code = code
        self.message = message
        self.details = details
        self.trailers = trailers
    }

    public static let ok = RPCStatus(.ok)

    static let maximumMessageBytes = 2_048
    static let maximumDetailsBytes = 32_768
}

/// How the engine itself ends calls.
extension RPCStatus {
    static let deadlinePassed = RPCStatus(.deadlineExceeded, "deadline exceeded")
    /// Never sent: see ``CallContext/park()``.
    static let parked = RPCStatus(.unavailable, "the call waits")
    static let truncated = RPCStatus(.internalError, "the request ends inside a message")
    static let tooManyMessages = RPCStatus(.unimplemented, "the method takes one request message and more came")
}

/// `grpc-message`: UTF-8 with everything but visible ASCII and space, and `%` itself, written as `%XX`.
enum PercentEncoding {
    private static let digits: [UInt8] = Array("0123456789ABCDEF".utf8)

    static func append(_ text: String, limit: Int, to output: inout [UInt8]) {
        var used = 0
        for scalar in text.unicodeScalars {
            let bytes = UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            used += bytes.count
            if used > limit { return }
            for byte in bytes {
                if byte >= 0x20, byte <= 0x7E, byte != 0x25 {
                    output.append(byte)
                } else {
                    output.append(0x25)
                    output.append(digits[Int(byte >> 4)])
                    output.append(digits[Int(byte & 15)])
                }
            }
        }
    }
}
