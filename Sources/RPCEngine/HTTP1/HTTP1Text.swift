import Glibc

/// What stands in front of a body (RFC 9112, 4 and 5).
enum HTTP1Text {
    static func statusLine(_ status: Int) -> String { "HTTP/1.1 \(status) \(reason(status))\r\n" }

    static let goOn = "HTTP/1.1 100 Continue\r\n\r\n"
    static let lastChunk = "0\r\n\r\n"

    /// A reason may be empty.
    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}

/// The value of `date`: IMF-fixdate of RFC 9110, 5.6.7. Made once a second.
struct HTTPDate {
    private var moment = Int64.min
    private var text = ""

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter moment: Unix seconds.
    mutating func text(at moment: Int64) -> String {
        if moment == self.moment { return text }
        self.moment = moment
        var (seconds, parts) = (time_t(moment), tm())
        gmtime_r(&seconds, &parts)
        // gmtime_r keeps to 0...6 and 0...11.
        let (day, month) = (Self.days[Int(parts.tm_wday) % 7], Self.months[Int(parts.tm_mon) % 12])
        text =
            "\(day), \(Self.two(parts.tm_mday)) \(month) \(parts.tm_year + 1_900) \(Self.two(parts.tm_hour)):"
            + "\(Self.two(parts.tm_min)):\(Self.two(parts.tm_sec)) GMT"
        return text
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
