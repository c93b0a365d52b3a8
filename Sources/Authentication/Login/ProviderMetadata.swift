import Outgoing

/// What an issuer tells of itself (OpenID Connect Discovery): where people sign in, and where codes are exchanged.
struct ProviderMetadata: Sendable, Hashable {
    /// Bound of the document, in bytes.
    static let maximumBytes = 262_144

    let authorization: HTTPSAddress
    let token: HTTPSAddress
    /// Nil where nobody signs out.
    let endSession: HTTPSAddress?
    /// Answers of the sign-in always name the issuer (RFC 9207).
    let namesItself: Bool

    /// Why a document does not do; nothing of it is in it.
    enum Fault: String, Error, Sendable {
        case malformed = "no JSON object"
        case issuer = "it is another issuer's"
        case endpoint = "an endpoint is missing or no https URL"
        case challenge = "it does not know PKCE with S256"
    }

    /// - Parameter issuer: as its file has it.
    init(json: [UInt8], issuer: String) throws(Fault) {
        guard json.count <= Self.maximumBytes, let members = StrictJSON(json)?.object else { throw .malformed }
        guard members["issuer"]?.string == issuer else { throw .issuer }
        // Who lists the methods and not this one would take a code without its verifier.
        if let methods = members["code_challenge_methods_supported"] {
            guard methods.array?.contains(.string("S256")) == true else { throw .challenge }
        }
        guard let authorization = try Self.address(members["authorization_endpoint"]),
            let token = try Self.address(members["token_endpoint"])
        else { throw .endpoint }
        self.authorization = authorization
        self.token = token
        endSession = try Self.address(members["end_session_endpoint"])
        namesItself = members["authorization_response_iss_parameter_supported"] == .bool(true)
    }

    private static func address(_ member: StrictJSON?) throws(Fault) -> HTTPSAddress? {
        guard let member, member != .null else { return nil }
        guard let address = member.string.flatMap(HTTPSAddress.init) else { throw .endpoint }
        return address
    }
}

extension HTTPSAddress {
    /// The address with more fields in its query.
    func adding(_ fields: [(String, String)]) -> String {
        description + (target.contains("?") ? "&" : "?") + FormFields.text(fields)
    }
}

/// Fields as forms and queries write them.
enum FormFields {
    static func text(_ fields: [(String, String)]) -> String {
        fields.map { encoded($0.0) + "=" + encoded($0.1) }.joined(separator: "&")
    }

    /// All but letters, digits and `-._~` as percent signs.
    static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
