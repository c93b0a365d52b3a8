import RPCEngine

/// The document that describes the JSON of the server, made from the protos by `Protos/openapi.py`.
package enum OpenAPI {
    /// For every registered caller.
    package static let route = WebRoute(
        .get, "/openapi.json", needs: .readSelf,
        refusal: { (status, head) in RESTError.response(to: status, http: WebRoute.Verb.get.refusal(of: head)) }
    ) { request, _ throws(RPCStatus) in
        guard request.head.query.isEmpty else { throw QueryMessage.Refusal("query", "has no parameters").status }
        return request.head.takesGzip ? packed : plain
    }

    private static let plain = WebReply.response(
        PackageResources.openapi_json, contentType: "application/json", headers: [], takesGzip: false)
    private static let packed = WebReply.response(
        PackageResources.openapi_json, contentType: "application/json", headers: [], takesGzip: true)
}
