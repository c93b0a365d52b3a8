/// How a call that is not in gRPC's form is answered.
enum WebCall: Sendable {
    /// By a method of gRPC's.
    case method(any WebTranslation)
    /// By a route of the web, or, where it does not answer, by this.
    case route(@Sendable (RPCStatus) -> WebResponse)

    func failure(_ status: RPCStatus, trailers: [(String, String)]) -> WebResponse {
        switch self {
        case .method(let translation): translation.response(.failure(status), trailers: trailers)
        case .route(let refusal): refusal(status)
        }
    }
}
