import InsightsAPI
import RPCEngine
import SwiftProtobuf

/// `WatchInsights` as an event stream, by which pages hear that what they show has changed: `GET
/// /watch?after=REVISION`. An event has the revision as its id, so that a browser which lost its connection goes on
/// behind it.
struct WatchEvents: WebStreamTranslation {
    static let path = "/watch"

    private let resume: UInt64

    /// Nil for any other request.
    static func form(of head: WebHead) -> WebForm? {
        guard head.path == path, head.method == WebRoute.Verb.get.rawValue else { return nil }
        let text = head.headers["last-event-id"] ?? PageQuery(head.query)["after"] ?? "0"
        guard let resume = UInt64(text) else {
            let status = RPCStatus(.invalidArgument, "after is no revision")
            return .refused(status, ConnectError.response(to: status))
        }
        let method = InsightsAPI.Method.watchInsights
        return .call(path: method.path, timeout: nil, translation: WatchEvents(resume: resume))
    }

    func message(in body: [UInt8], limit: Int) throws(WebFailure) -> [UInt8] {
        guard body.isEmpty else { throw .refused(RPCStatus(.invalidArgument, "a GET has no body")) }
        var request = PBWatchInsightsRequest()
        request.resume = resume
        do {
            return try request.serializedBytes()
        } catch {
            throw .refused(RPCStatus(.internalError, "the request cannot be written"))
        }
    }

    func response(_ result: Result<[UInt8], RPCStatus>, trailers: [(String, String)]) -> WebResponse {
        switch result {
        case .failure(let status): ConnectError.response(to: status, trailers: trailers)
        case .success: ConnectError.response(to: RPCStatus(.internalError, "a watch has more than one message"))
        }
    }

    func head() -> WebResponse {
        var response = WebResponse(status: 200, headers: [("content-type", "text/event-stream")])
        response.protect()
        return response
    }

    func bytes(of message: [UInt8]) throws(RPCStatus) -> [UInt8] {
        guard let told = try? PBWatchInsightsResponse(serializedBytes: message) else {
            throw RPCStatus(.internalError, "the event cannot be written")
        }
        var json = JSONText()
        json.object { json in
            json.array("customers") { json in
                for customer in told.customerIds { json.element(customer) }
            }
            if told.allCustomers { json.field("all", Int64(1)) }
        }
        return Array("id: \(told.revision)\ndata: ".utf8) + json.bytes + Array("\n\n".utf8)
    }
}
