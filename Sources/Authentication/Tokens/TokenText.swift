import Cryptography

/// A bearer token taken apart, nothing of it proven.
struct TokenText: Sendable {
    /// Bound of a token, in bytes.
    static let maximumBytes = 16_384

    /// Header parameters that choose a key or change how a token is read. Nothing here acts on them, so a token that
    /// counts on one is refused rather than read in another way than its maker meant.
    private static let refusedParameters = ["crit", "jku", "x5u", "jwk", "x5c", "b64", "zip", "cty", "enc"]
    /// The media types of access tokens and plain JWTs, without `application/`.
    private static let acceptedTypes: Set<String> = ["jwt", "at+jwt"]

    let algorithm: TokenAlgorithm
    /// Its type says that it is a leave to call, and not about a sign-in.
    let isAccessToken: Bool
    /// Nil when the header names no key.
    let keyID: String?
    let claims: [String: StrictJSON]
    /// What the signature is over.
    let signed: [UInt8]
    let signature: [UInt8]

    init(_ token: [UInt8]) throws(AuthenticationFailure) {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.bytes(of: parts[0]), let payload = Base64URL.bytes(of: parts[1]),
            let signature = Base64URL.bytes(of: parts[2]), !signature.isEmpty
        else { throw AuthenticationFailure(.tokenMalformed) }
        guard let parameters = StrictJSON(header)?.object, let claims = StrictJSON(payload)?.object else {
            throw AuthenticationFailure(.tokenMalformed)
        }
        guard Self.refusedParameters.allSatisfy({ parameters[$0] == nil }) else {
            throw AuthenticationFailure(.tokenHeader)
        }
        var type = "jwt"
        if let parameter = parameters["typ"] {
            guard var name = parameter.string?.lowercased() else { throw AuthenticationFailure(.tokenHeader) }
            if name.hasPrefix("application/") { name.removeFirst("application/".count) }
            guard Self.acceptedTypes.contains(name) else { throw AuthenticationFailure(.tokenHeader) }
            type = name
        }
        isAccessToken = type == "at+jwt"
        guard let name = parameters["alg"]?.string, let algorithm = TokenAlgorithm(rawValue: name) else {
            throw AuthenticationFailure(.tokenAlgorithm)
        }
        keyID = parameters["kid"]?.string
        guard keyID != nil || parameters["kid"] == nil, keyID.map(KeySet.isKeyID) ?? true else {
            throw AuthenticationFailure(.tokenKeyUnknown)
        }
        self.algorithm = algorithm
        self.claims = claims
        self.signature = signature
        signed = Array(token[..<parts[1].endIndex])
    }
}
