import InsightsAPI
import RPCEngine

/// The GETs below `/v1/` that stand for methods, as the protos' `google.api.http` has them.
enum RESTForms {
    private static let root = "/v1/"

    private static let routes = HTTPRoute.all.map { (route: $0, pattern: PathPattern($0.pattern)) }

    static func isMeant(by path: String) -> Bool { path.hasPrefix(root) }

    /// Nil for a path that is no route's.
    static func form(of head: WebHead) -> WebForm? {
        guard isMeant(by: head.path), let (route, variables) = route(of: head.path) else { return nil }
        guard head.method == "GET" else {
            let status = RPCStatus(.unimplemented, "\(route.pattern) is read with GET")
            var response = RESTError.response(to: status, http: 405)
            response.headers.append(("allow", "GET"))
            return .refused(status, response)
        }
        let translation = RESTTranslation(
            route: route, variables: variables, query: head.query, takesGzip: head.takesGzip)
        let download = DownloadForm(pattern: route.pattern).map { RESTDownload(request: translation, form: $0) }
        return .call(path: route.method.path, timeout: nil, translation: download ?? translation)
    }

    /// A path below `/v1/` that is nobody's.
    static func unknown(_ head: WebHead) -> WebForm? {
        guard isMeant(by: head.path) else { return nil }
        let status = RPCStatus(.notFound, "there is no such resource")
        return .refused(status, RESTError.response(to: status))
    }

    /// The route of a path, and what its variables stand for, by their names.
    static func route(of path: String) -> (route: HTTPRoute, variables: [String: String])? {
        guard let segments = PathPattern.segments(of: path) else { return nil }
        for (route, pattern) in routes {
            if let variables = pattern.variables(in: segments) { return (route, variables) }
        }
        return nil
    }
}
