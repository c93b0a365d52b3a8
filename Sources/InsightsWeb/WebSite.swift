import InsightsAPI
import RPCEngine

/// Runs what is too long for an event loop in the turn of whoever calls, or says why not. A reply is not refused for
/// what waits before it.
package typealias WebWork = @Sendable (CallContext, _ isReply: Bool, @escaping @Sendable () -> Void) -> RPCStatus?

/// Everything that is served besides gRPC: the methods in other forms, and routes of its own.
package struct WebSite: WebHandler {
    private let connect: ConnectHandler?
    private let routes: [WebRoute]
    private let work: WebWork

    /// - Parameters:
    ///   - connect: nil where the methods are not served in Connect's form.
    ///   - routes: in the order of the engine's.
    package init(connect: ConnectHandler?, routes: [WebRoute], work: @escaping WebWork) {
        (self.connect, self.routes, self.work) = (connect, routes, work)
    }

    package func submit(for call: CallContext, isReply: Bool, _ work: @escaping @Sendable () -> Void) -> RPCStatus? {
        self.work(call, isReply, work)
    }

    package func refusal(_ status: RPCStatus) -> WebResponse { ConnectError.response(to: status) }

    package func form(of head: WebHead) -> WebForm? {
        if let form = connect?.form(of: head) { return form }
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
