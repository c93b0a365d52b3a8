/// Cookies of this host alone: the prefix `__Host-` has browsers refuse any that another host, another path or a
/// connection without TLS would set.
struct HostCookie: Sendable {
    let name: String

    static let session = HostCookie(name: "__Host-insights")
    static let login = HostCookie(name: "__Host-insights-login")
    /// Set by the script of a page that loads itself again; seconds long.
    static let reload = HostCookie(name: "__Host-insights-reload")

    private static let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax"

    /// The value of a `set-cookie` header. Without `lifetime`, in seconds, the cookie goes with the browser's session.
    func setting(_ value: String, lifetime: Int64? = nil) -> String {
        name + "=" + value + Self.attributes + (lifetime.map { "; Max-Age=\($0)" } ?? "")
    }

    var clearing: String { setting("", lifetime: 0) }

    /// Of the values of the `cookie` headers, which HTTP/2 may have taken apart: nil without the cookie, and an empty
    /// text, which is never valid, where it is there twice.
    func value(in headers: [String]) -> String? {
        var found: String?
        for header in headers {
            for pair in header.split(separator: ";") {
                let text = pair.drop { $0 == " " }
                guard text.hasPrefix(name), text.dropFirst(name.count).first == "=" else { continue }
                if found != nil { return "" }
                found = String(text.dropFirst(name.count + 1))
            }
        }
        return found
    }
}
