import RPCEngine
import Tenancy

/// Pages that are the same for everybody, made once: where a stranger may ask for one, or a caller is refused on an
/// event loop, nothing is rendered or packed.
struct FixedPages: Sendable {
    enum Name: Hashable, Sendable {
        case about
        /// The browser shows a certificate that gives nothing here.
        case certificate
        /// A page that was left open outlived the session.
        case ended
        /// - Parameter permission: what the caller lacks; nil where that is not why.
        case refusal(RPCStatus.Code, Permission?)
    }

    private struct Key: Hashable {
        let name: Name
        let language: PageLanguage
    }

    private struct Body {
        let plain: [UInt8]
        /// By gzip; nil where it cannot be done.
        let packed: [UInt8]?
    }

    private let bodies: [Key: Body]

    init(_ pages: OtherPages) {
        let denied = [nil] + Permission.allCases.map(Optional.some)
        let refusals = RPCStatus.Code.allCases.filter { !OtherPages.ofRequests.contains($0) }.flatMap { code in
            (code == .permissionDenied ? denied : [nil]).map { Name.refusal(code, $0) }
        }
        var bodies: [Key: Body] = [:]
        for language in PageLanguage.allCases {
            for name in [.about, .certificate, .ended] + refusals {
                let html =
                    switch name {
                    case .about: pages.about(language)
                    case .certificate: pages.certificateRefused(language)
                    case .ended: pages.sessionEnded(language)
                    case .refusal(let code, let permission):
                        pages.refusal(RPCStatus(code), roles: permission.map(AccessPolicy.roles) ?? [], language)
                    }
                bodies[Key(name: name, language: language)] = Body(
                    plain: Self.exact(html.bytes), packed: Gzip.deflate(html.bytes).map(Self.exact))
            }
        }
        self.bodies = bodies
    }

    /// Without room for more: what a response counts is its memory.
    private static func exact(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBufferPointer { Array($0) } }

    func response(_ name: Name, status: Int, to head: WebHead) -> WebResponse {
        var response = WebResponse(status: status, headers: [("content-type", WebResponse.html)])
        response.finish(head)
        guard let body = bodies[Key(name: name, language: head.language)] else { return response }
        if head.takesGzip, let packed = body.packed {
            response.body = packed
            response.headers += WebResponse.packing
        } else {
            response.body = body.plain
        }
        return response
    }
}
