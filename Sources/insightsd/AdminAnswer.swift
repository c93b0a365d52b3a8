import InsightsServer

/// What the admin port says, as the bytes of one HTTP/1.1 answer that ends its connection.
enum AdminAnswer {
    /// Whether the answer may wait for a disk.
    static func isSlow(_ request: AdminRequest) -> Bool { request.path == "/readyz" || request.path == "/metrics" }

    static func bytes(to request: AdminRequest, of server: PartnerInsightsServer) -> [UInt8] {
        let isHead = request.method == .head
        switch request.path {
        case "/healthz", "/health":
            let healthy = server.isHealthy
            return bytes(healthy ? 200 : 503, healthy ? "ok\n" : "unavailable\n", isHead: isHead)
        case "/readyz":
            let missing = server.missingForReadiness
            return missing.isEmpty
                ? bytes(200, "ready\n", isHead: isHead)
                : bytes(503, missing.map { "not ready: \($0)\n" }.joined(), isHead: isHead)
        case "/metrics":
            return bytes(200, server.metrics(), isHead: isHead)
        default:
            return bytes(404, "not found\n", isHead: isHead)
        }
    }

    static func bytes(to fault: AdminRequest.Fault) -> [UInt8] {
        bytes(fault.status, reason(fault.status).lowercased() + "\n", isHead: false)
    }

    /// - Parameter isHead: the answer tells the length of the text and leaves it out.
    private static func bytes(_ status: Int, _ text: String, isHead: Bool) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(reason(status))\r\n"
        head += "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: \(text.utf8.count)\r\n"
        if status == 405 { head += "Allow: GET, HEAD\r\n" }
        head += "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + (isHead ? [] : Array(text.utf8))
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 413: "Content Too Large"
        case 431: "Request Header Fields Too Large"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Error"
        }
    }
}
