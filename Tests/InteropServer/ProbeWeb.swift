import Dispatch
import Glibc
import RPCEngine

/// Calls in a form of its own, `test/bytes`: the body is the message, and the response's body is the reply. Headers:
/// `x-read` and `x-write` are milliseconds that it takes to find the message and to make the response, `x-timeout`
/// those that the call has, `x-busy` refuses the former.
struct ProbeWeb: WebHandler {
    func form(of head: WebHead) -> WebForm? {
        guard head.headers["content-type"] == "test/bytes" else { return nil }
        if head.query == "refused" {
            let status = RPCStatus(.notFound, "refused")
            return .refused(status, refusal(status, path: head.path, http: nil))
        }
        func number(_ name: String) -> Int? { head.headers[name].flatMap { Int($0) } }
        return .call(
            path: head.path, timeout: number("x-timeout").map { UInt64($0) * 1_000_000 },
            translation: ProbeTranslation(readTime: number("x-read") ?? 0, writeTime: number("x-write") ?? 0))
    }

    func submit(for call: CallContext, isReply: Bool, _ work: @escaping @Sendable () -> Void) -> RPCStatus? {
        if !isReply, call.metadata["x-busy"] != nil { return RPCStatus(.resourceExhausted, "busy") }
        DispatchQueue.global().async(execute: work)
        return nil
    }

    func refusal(_ status: RPCStatus, path _: String, http: Int?) -> WebResponse {
        WebResponse(
            status: http ?? 404, headers: [("x-code", "\(status.code.rawValue)")], body: Array(status.message.utf8))
    }
}

private struct ProbeTranslation: WebTranslation {
    /// Milliseconds.
    let readTime: Int
    let writeTime: Int

    func message(in body: [UInt8], limit: Int) throws(WebFailure) -> [UInt8] {
        if readTime > 0 { usleep(UInt32(readTime) * 1_000) }
        if body.starts(with: "bad".utf8) { throw .refused(RPCStatus(.invalidArgument, "bad")) }
        guard body.count <= limit else { throw .tooLarge }
        return body
    }

    func response(_ result: Result<[UInt8], RPCStatus>, trailers: [(String, String)]) -> WebResponse {
        switch result {
        case .success(let reply):
            if writeTime > 0 { usleep(UInt32(writeTime) * 1_000) }
            return WebResponse(status: 200, headers: [("x-code", "0")], body: reply)
        case .failure(let status):
            return WebResponse(
                status: 400, headers: [("x-code", "\(status.code.rawValue)")] + trailers,
                body: Array(status.message.utf8))
        }
    }
}
