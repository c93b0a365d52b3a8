import Cryptography

/// The signature algorithms that an issuer may be allowed. Anything else, `none` and the symmetric ones above all,
/// cannot be written down here.
public enum TokenAlgorithm: String, Sendable, Hashable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
}

extension TokenAlgorithm {
    /// The kind of the keys that check it.
    var keyKind: PublicKey.Kind {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
        case .es256: .p256
        case .es384: .p384
        }
    }

    /// What the algorithm's name means. Signatures are checked at once and on the caller's thread: a call is
    /// authenticated on an event loop that cannot wait.
    var scheme: SignatureScheme {
        switch self {
        case .rs256: .rsaPKCS1(.sha256)
        case .rs384: .rsaPKCS1(.sha384)
        case .rs512: .rsaPKCS1(.sha512)
        case .ps256: .rsaPSS(.sha256)
        case .ps384: .rsaPSS(.sha384)
        case .ps512: .rsaPSS(.sha512)
        case .es256: .ecdsaP256
        case .es384: .ecdsaP384
        }
    }
}
