import InsightsAPI
import RPCEngine

/// Runs what is too long for an event loop in the turn of whoever calls, or says why not. A reply is not refused for
/// what waits before it.
package typealias WebWork = @Sendable (CallContext, _ isReply: Bool, @escaping @Sendable () -> Void) -> RPCStatus?

/// Everything that is served besides gRPC: the methods in other forms, and routes of its own.
package struct WebSite: WebHandler {
    private let connect: ConnectHandler?
    private let routes: [WebRoute]
    private let pages: PageRoutes?
    private let work: WebWork

    /// - Parameters:
    ///   - connect: nil where the methods are not served as JSON, neither in Connect's form nor by GETs.
    ///   - routes: in the order of the engine's.
    ///   - pages: whose routes are among them; nil where there are none.
    package init(
        connect: ConnectHandler?, routes: [WebRoute], pages: PageRoutes? = nil,
        work: @escaping WebWork
    ) {
        (self.connect, self.routes, self.pages, self.work) = (connect, routes, pages, work)
    }

    package func submit(for call: CallContext, isReply: Bool, _ work: @escaping @Sendable () -> Void) -> RPCStatus? {
        self.work(call, isReply, work)
    }

    package func refusal(_ status: RPCStatus, path: String, http: Int?) -> WebResponse {
        if RESTForms.isMeant(by: path) { return RESTError.response(to: status, http: http) }
        var response = ConnectError.response(to: status)
        response.status = http ?? response.status
        return response
    }

    package func form(of head: WebHead) -> WebForm? {
        // Of what is below `/v1/` nothing is Connect's.
        let isREST = RESTForms.isMeant(by: head.path)
        if connect != nil, let form = RESTForms.form(of: head) { return form }
        if let form = (isREST ? nil : connect?.form(of: head)) ?? pages?.form(of: head) ?? route(of: head) {
            return form
        }
        if connect != nil, let form = RESTForms.unknown(head) { return form }
        // What is in none of the forms is refused as if there were no web.
        return pages?.missing(head).map { .refused(RPCStatus(.notFound, "nothing is there"), $0) }
    }

    private func route(of head: WebHead) -> WebForm? {
        guard !routes.isEmpty, let path = PathPattern.segments(of: head.path) else { return nil }
        var others: [WebRoute] = []
        for (position, route) in routes.enumerated() where route.pattern.variables(in: path) != nil {
            if route.verb.rawValue == head.method {
                return .route(position, refusal: { route.refusal($0, head) })
            }
            others.append(route)
        }
        guard let other = others.first else { return nil }
        let verbs = others.map(\.verb.rawValue).joined(separator: ", ")
        let status = RPCStatus(.unimplemented, "it is for \(verbs)")
        var response = other.refusal(status, head)
        response.status = 405
        response.headers.append(("allow", verbs))
        return .refused(status, response)
    }
}
