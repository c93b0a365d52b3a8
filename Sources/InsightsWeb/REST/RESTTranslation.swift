import InsightsAPI
import RPCEngine
import SwiftProtobuf

/// One GET of a route.
struct RESTTranslation: WebTranslation {
    let route: HTTPRoute
    /// What the variables in the route's pattern stand for, by their names.
    let variables: [String: String]
    /// As it was sent.
    let query: String
    let takesGzip: Bool

    /// In bytes of the query.
    private static let shortBytes = 512

    var isShort: Bool { query.utf8.count <= Self.shortBytes }

    func message(in body: [UInt8], limit: Int) throws(WebFailure) -> [UInt8] {
        guard body.isEmpty else { throw .refused(RPCStatus(.invalidArgument, "a GET has no body")) }
        let bytes: [UInt8]
        do throws(QueryMessage.Refusal) {
            bytes = try QueryMessage.bytes(of: route, variables: variables, query: query)
        } catch {
            throw WebFailure.refused(error.status)
        }
        guard bytes.count <= limit else { throw .tooLarge }
        return bytes
    }

    /// Trailers are gRPC's: what they say of trying again is in `retry-after`.
    func response(_ result: Result<[UInt8], RPCStatus>, trailers: [(String, String)]) -> WebResponse {
        switch result {
        case .failure(let status): return RESTError.response(to: status)
        case .success(let bytes):
            guard let reply = WebReply.message(bytes, of: route.method), let body: [UInt8] = try? reply.jsonUTF8Bytes()
            else { return RESTError.response(to: RPCStatus(.internalError, "the reply cannot be written")) }
            let revision = (reply as? any RevisedReply)?.revision
            return WebReply.response(
                body, contentType: "application/json", headers: revision.map { [("etag", "W/\"r\($0)\"")] } ?? [],
                takesGzip: takesGzip)
        }
    }
}
