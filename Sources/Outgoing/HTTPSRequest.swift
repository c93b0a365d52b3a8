/// What is asked of a server.
public struct HTTPSRequest: Sendable {
    public enum Method: Sendable, Hashable {
        case get
        /// Never follows a redirect: its body may hold a secret.
        case post([UInt8], contentType: String)
    }

    public var address: HTTPSAddress
    public var method: Method
    /// Go to every host that a redirect leads to: no place for a credential.
    public var headers: [String: String] = [:]
    /// The value of the `Authorization` header. No other host than the address's, and no other port, ever gets it.
    public var authorization: String?
    /// Any other status ends the transfer at once, its body unread.
    public var onlyStatus: Int?
    /// A PEM file of the authorities that servers may be certified by; nil means the system's.
    public var authoritiesFile: String?
    /// Whether the connection may serve later requests with the same authorities.
    public var keepsConnection = true
    public var limits = TransferLimits()

    public init(_ address: HTTPSAddress, method: Method = .get) {
        self.address = address
        self.method = method
    }

    /// Every header as a line; nil when one could be taken for another, or has a field of its own here.
    var headerLines: [String]? {
        var all = headers
        guard
            !all.keys.contains(where: {
                ["authorization", "cookie", "content-type", "content-length", "host", "transfer-encoding"]
                    .contains($0.lowercased())
            })
        else { return nil }
        all["Authorization"] = authorization
        if case .post(_, let contentType) = method {
            all["Content-Type"] = contentType
            // libcurl would ask for leave before a large body, and wait a second for a server that does not answer.
            all["Expect"] = ""
        }
        guard all.allSatisfy({ Self.isToken($0.key) && Self.isFieldValue($0.value) }) else { return nil }
        return all.map { $0.key == "Expect" ? "Expect:" : $0.value.isEmpty ? "\($0.key);" : "\($0.key): \($0.value)" }
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    private static func isFieldValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}
