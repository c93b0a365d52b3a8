import InsightsAPI
import RPCEngine
import SwiftProtobuf
import Tenancy

/// A resource of the web that is no method of gRPC's: a page, a legacy resource.
package struct WebRoute: Sendable {
    package enum Verb: String, Sendable {
        case get = "GET"
        case post = "POST"

        /// The status of HTTP for a request that is of another verb.
        func refusal(of head: WebHead) -> Int? { head.method == rawValue ? nil : 405 }
    }

    package enum Answer: Sendable {
        /// By reads, beside the event loops, in the caller's turn.
        case page(@Sendable (WebRequest, any LocalCalls) throws(RPCStatus) -> WebResponse)
        /// To anybody: on the event loop, which it must not block; at once, or later from any thread.
        case open(@Sendable (WebRequest, @escaping @Sendable (WebResponse) -> Void) -> Void)
    }

    package let verb: Verb
    /// Such as `/customers/{customer_id}`, each variable a whole segment: also the name in log, metrics and audit.
    package let pattern: PathPattern
    /// What the caller needs; nil where nobody is asked who they are, as of every open answer.
    package let permission: Permission?
    /// 0 for a GET.
    package let maxBodyBytes: Int
    package let answer: Answer
    /// The response where the call is refused instead: by who calls, by a limit, by what is asked for.
    package let refusal: @Sendable (RPCStatus, WebHead) -> WebResponse

    /// A resource for callers who have the permission.
    package init(
        _ verb: Verb, _ pattern: PathPattern, needs permission: Permission, maxBodyBytes: Int = 0,
        refusal: @escaping @Sendable (RPCStatus, WebHead) -> WebResponse,
        page: @escaping @Sendable (WebRequest, any LocalCalls) throws(RPCStatus) -> WebResponse
    ) {
        (self.verb, self.pattern, self.permission, self.maxBodyBytes) = (verb, pattern, permission, maxBodyBytes)
        (self.refusal, answer) = (refusal, .page(page))
    }

    /// A resource for anybody.
    package init(
        _ verb: Verb, open pattern: PathPattern, maxBodyBytes: Int = 0,
        refusal: @escaping @Sendable (RPCStatus, WebHead) -> WebResponse,
        answer: @escaping @Sendable (WebRequest, @escaping @Sendable (WebResponse) -> Void) -> Void
    ) {
        (self.verb, self.pattern, permission, self.maxBodyBytes) = (verb, pattern, nil, maxBodyBytes)
        (self.refusal, self.answer) = (refusal, .open(answer))
    }
}

/// A request for a ``WebRoute``.
package struct WebRequest: Sendable {
    package let head: WebHead
    /// By the names in the pattern, percent-decoded.
    package let variables: [String: String]
    package let body: [UInt8]

    package init(_ head: WebHead, variables: [String: String] = [:], body: [UInt8] = []) {
        (self.head, self.variables, self.body) = (head, variables, body)
    }
}

/// Runs methods of gRPC's that only read for a caller who was authenticated, each with its own permission, checks and
/// audit. Used on one thread, for one request.
package protocol LocalCalls {
    var principal: Principal { get }

    /// Throws what gRPC would answer.
    func call<Reply: SwiftProtobuf.Message>(
        _ method: InsightsAPI.Method, _ request: some SwiftProtobuf.Message, as reply: Reply.Type
    ) throws(RPCStatus) -> Reply

    /// The workloads that a SKU of the catalog includes, by code; none for a SKU that is not in it.
    func workloadCodes(of sku: String) -> [String]
}

extension LocalCalls {
    package func may(_ permission: Permission) -> Bool {
        AccessPolicy.permissions(of: principal).contains(permission)
    }
}
