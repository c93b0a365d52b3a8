import InsightsAPI
import RPCEngine

/// What the legacy resources answer: their envelopes, errors and headers.
enum LegacyReply {
    /// `{"totalCount", "items", "attributes"}`; the items are written before their number is known.
    static func collection(into json: inout JSONText, items: (inout JSONText) -> Int) {
        json.object { json in
            var count = 0
            json.array("items") { json in count = items(&json) }
            json.field("totalCount", Int64(count))
            json.attributes("Collection")
        }
    }

    static func response(_ json: JSONText, _ head: WebHead) -> WebResponse {
        var response = WebResponse(status: 200, headers: headers(head), body: json.bytes)
        response.protect()
        if head.takesGzip, response.body.count > 1_024 { response.pack() }
        return response
    }

    /// - Parameter http: the status of HTTP, where it is not that of the code.
    static func response(to status: RPCStatus, _ head: WebHead, http: Int?) -> WebResponse {
        var json = JSONText()
        json.object { json in
            json.field("code", Int64(http ?? code(status.code)))
            json.field("description", status.message)
            json.array("data") { _ in }
            json.field("source", "PartnerInsights")
        }
        var response = WebResponse(
            status: http ?? status.code.httpStatus, headers: headers(head), body: json.bytes)
        if let seconds = StatusBody(status).retrySeconds { response.headers.append(("retry-after", String(seconds))) }
        response.protect()
        return response
    }

    /// The vendor's numbers, where it had one that fits.
    private static func code(_ code: RPCStatus.Code) -> Int {
        switch code {
        case .unauthenticated: 400
        case .permissionDenied: 900_150
        case .notFound: 1_000
        case .invalidArgument, .outOfRange, .failedPrecondition: 3_000
        default: code.httpStatus
        }
    }

    /// The ids of a request are told back, and made where there are none.
    private static func headers(_ head: WebHead) -> [(String, String)] {
        [("content-type", "application/json; charset=utf-8")]
            + ["ms-requestid", "ms-correlationid"].map { name in
                let id = head.headers[name].flatMap { isPlain($0) ? $0 : nil }
                return (name, id ?? newID())
            }
    }

    /// In the form of a UUID; told apart from others and no more.
    private static func newID() -> String {
        let hex = [UInt64.random(in: .min ... .max), .random(in: .min ... .max)]
            .map { String($0 | 1 << 63, radix: 16) }.joined()
        var parts: [Substring] = []
        var rest = hex[...]
        for length in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return parts.joined(separator: "-")
    }

    /// Letters, digits and what stands between them in an id.
    private static func isPlain(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}

extension JSONText {
    mutating func attributes(_ type: String) {
        object("attributes") { $0.field("objectType", type) }
    }
}
