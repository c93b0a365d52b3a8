import InsightsAPI
import RPCEngine

/// Connect's unary calls: the methods of gRPC by their paths, with the message as JSON or as bytes of protobuf in the
/// body, and HTTP's own status. https://connectrpc.com/docs/protocol
package struct ConnectHandler: Sendable {
    package init() {}

    /// Nil for what is none of Connect's.
    package func form(of head: WebHead) -> WebForm? {
        guard head.path.utf8.filter({ $0 == UInt8(ascii: "/") }).count == 2 else { return nil }
        switch head.method {
        case "POST": return post(head)
        case "GET": return get(head)
        default: return nil
        }
    }

    /// Nil for a media type that is none of Connect's, unless it is sent to a method.
    private func post(_ head: WebHead) -> WebForm? {
        guard let codec = ConnectCodec(contentType: head.headers["content-type"] ?? "") else {
            guard method(head.path) != nil else { return nil }
            let status = RPCStatus(.unimplemented, "content-type is neither application/json nor application/proto")
            var response = ConnectError.response(to: status)
            response.status = 415
            response.headers.append(("accept-post", ConnectCodec.allCases.map(\.contentType).joined(separator: ", ")))
            return .refused(status, response)
        }
        return call(head, codec) { (method) throws(ConnectRefusal) in
            let isPacked: Bool
            switch head.headers["content-encoding"] {
            case nil, "identity": isPacked = false
            case "gzip": isPacked = true
            case let other?:
                throw ConnectRefusal(
                    .unimplemented, "content-encoding \(other.prefix(32)) is neither identity nor gzip")
            }
            return ConnectTranslation(
                method: method, codec: codec, query: nil, isPacked: isPacked, takesGzip: head.takesGzip)
        }
    }

    /// Nil for a GET whose query has no encoding or no message.
    private func get(_ head: WebHead) -> WebForm? {
        guard let query = ConnectQuery(head.query) else {
            guard ConnectQuery.isMeant(by: head.query) else { return nil }
            let status = RPCStatus(.invalidArgument, "the query has no message of Connect")
            return .refused(status, ConnectError.response(to: status))
        }
        return call(head, query.codec) { (method) throws(ConnectRefusal) in
            guard method.onlyReads else {
                throw ConnectRefusal(.unimplemented, "the method changes something: POST it", status: 405)
            }
            return ConnectTranslation(
                method: method, codec: query.codec, query: query, isPacked: query.isPacked, takesGzip: head.takesGzip)
        }
    }

    private func call(
        _ head: WebHead, _ codec: ConnectCodec, _ translation: (Method) throws(ConnectRefusal) -> ConnectTranslation
    ) -> WebForm {
        do throws(ConnectRefusal) {
            guard let method = method(head.path) else {
                throw ConnectRefusal(.unimplemented, "unknown method")
            }
            guard method.messages != nil else {
                throw ConnectRefusal(.unimplemented, "the method is not one of Connect's unary ones", status: 415)
            }
            if let version = head.headers["connect-protocol-version"], version != "1" {
                throw ConnectRefusal(.invalidArgument, "connect-protocol-version is not 1")
            }
            return .call(
                path: method.path, timeout: try timeout(head.headers["connect-timeout-ms"]),
                translation: try translation(method))
        } catch {
            let status = RPCStatus(error.code, error.message)
            var response = ConnectError.response(to: status)
            if let other = error.status { response.status = other }
            if response.status == 405 { response.headers.append(("allow", "POST")) }
            return .refused(status, response)
        }
    }

    private func method(_ path: String) -> Method? { Method.allCases.first { $0.path == path } }

    /// Nanoseconds.
    private func timeout(_ text: String?) throws(ConnectRefusal) -> UInt64? {
        guard let text else { return nil }
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let milliseconds = UInt64(text)
        else { throw ConnectRefusal(.invalidArgument, "connect-timeout-ms is not one to ten digits") }
        return milliseconds * 1_000_000
    }
}

/// A request that is refused before anybody is asked who calls.
struct ConnectRefusal: Error {
    let code: RPCStatus.Code
    let message: String
    /// Of HTTP, where it is not the code's own.
    let status: Int?

    init(_ code: RPCStatus.Code, _ message: String, status: Int? = nil) {
        (self.code, self.message, self.status) = (code, message, status)
    }
}

/// How messages are written.
enum ConnectCodec: String, CaseIterable {
    case json
    case proto

    /// `application/json` or `application/proto`, with UTF-8 as the one character set.
    init?(contentType: String) {
        let parts = contentType.lowercased().split(separator: ";").map { $0.filter { $0 != " " && $0 != "\"" } }
        switch parts.first {
        case "application/json": self = .json
        case "application/proto": self = .proto
        default: return nil
        }
        if parts.contains(where: { $0.hasPrefix("charset=") && $0 != "charset=utf-8" }) { return nil }
    }

    var contentType: String { "application/\(rawValue)" }
}

extension WebHead {
    var takesGzip: Bool {
        headers.values(for: "accept-encoding").joined(separator: ",").split(separator: ",").contains { word in
            let parts = word.lowercased().split(separator: ";").map { $0.filter { $0 != " " } }
            return parts.first == "gzip"
                && !parts.dropFirst().contains { $0.hasPrefix("q=") && Double($0.dropFirst(2)) == 0 }
        }
    }
}
