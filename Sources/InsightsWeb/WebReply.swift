import InsightsAPI
import RPCEngine
import SwiftProtobuf

/// Whole replies of methods, as they go out.
enum WebReply {
    /// Shorter ones are not worth packing.
    private static let packedBytes = 1_024

    /// A reply of the method; nil for bytes that are none.
    static func message(_ bytes: [UInt8], of method: Method) -> (any Message)? {
        guard let type = method.messages?.response else { return nil }
        return try? type.init(serializedBytes: bytes)
    }

    static func response(
        _ body: [UInt8], contentType: String, headers: [(String, String)], takesGzip: Bool
    ) -> WebResponse {
        var response = WebResponse(status: 200, headers: [("content-type", contentType)] + headers, body: body)
        response.protect()
        if takesGzip, body.count > packedBytes { response.pack() }
        return response
    }
}

extension WebResponse {
    /// What stands in every answer, whatever it says.
    static let protection: [(String, String)] = [
        ("cache-control", "no-store"), ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000"), ("cross-origin-resource-policy", "same-origin"),
    ]

    mutating func protect() {
        headers += Self.protection
        // What HTTP wants beside a 401; certificates have no scheme.
        if status == 401 { headers.append(("www-authenticate", "Bearer")) }
    }

    static let html = "text/html; charset=utf-8"

    /// Says that the body is packed.
    static let packing: [(String, String)] = [("content-encoding", "gzip"), ("vary", "accept-encoding")]

    /// Not on an event loop.
    mutating func pack() {
        guard let packed = Gzip.deflate(body) else { return }
        body = packed
        headers += Self.packing
    }
}
