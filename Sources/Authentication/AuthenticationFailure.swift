/// Why a credential does not do. A caller is told the reason and its fixed text, nothing else; `cause` is for the
/// server's log.
public struct AuthenticationFailure: Error, Sendable, Hashable {
    /// `google.rpc.ErrorInfo.reason` of the `UNAUTHENTICATED` answer.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        case missing = "CREDENTIAL_MISSING"
        case invalid = "CREDENTIAL_INVALID"
        case expired = "CREDENTIAL_EXPIRED"

        /// One text per reason, so that an attacker learns nothing from trying.
        public var text: String {
            switch self {
            case .missing: "no credential: present a client certificate or a bearer token"
            case .invalid: "the credential is not valid"
            case .expired: "the credential has expired"
            }
        }
    }

    /// What exactly was wrong. A fixed set of words: nothing that a caller sent is in it.
    public enum Cause: String, Sendable, Hashable, CaseIterable {
        case noCredential = "no-credential"
        case certificateUnverified = "certificate-unverified"
        case certificateNotYetValid = "certificate-not-yet-valid"
        case certificateExpired = "certificate-expired"
        case certificateName = "certificate-name"
        case principalUnknown = "principal-unknown"
        case principalDisabled = "principal-disabled"
        case partnerUnknown = "partner-unknown"
        case partnerDisabled = "partner-disabled"
        case partnersDiffer = "partners-differ"
        case authorizationHeader = "authorization-header"
        case tokensNotAccepted = "tokens-not-accepted"
        case tokenTooLong = "token-too-long"
        case tokenMalformed = "token-malformed"
        case tokenHeader = "token-header"
        case tokenAlgorithm = "token-algorithm"
        case tokenKeyUnknown = "token-key-unknown"
        case tokenKeyIssuer = "token-key-issuer"
        case tokenSignature = "token-signature"
        case tokenIssuer = "token-issuer"
        case tokenAudience = "token-audience"
        case tokenKind = "token-kind"
        case tokenTenant = "token-tenant"
        case tokenTenantMissing = "token-tenant-missing"
        case tokenSubject = "token-subject"
        case tokenRoles = "token-roles"
        case tokenTimes = "token-times"
        case tokenNotYetValid = "token-not-yet-valid"
        case tokenExpired = "token-expired"
        case tokenBinding = "token-binding"
        case tokenNonce = "token-nonce"
        case tokenParty = "token-party"
        case sessionInvalid = "session-invalid"
        case sessionExpired = "session-expired"
        case sessionIdle = "session-idle"
        case sessionRolesOld = "session-roles-old"
    }

    public let reason: Reason
    public let cause: Cause
    /// Of a token's time: since its end, or to its beginning.
    public let seconds: Int64?
    /// The configured issuer whose token it is said to be, as its file has it; nothing of the token.
    public private(set) var issuer: String?

    init(_ cause: Cause, seconds: Int64? = nil) {
        self.cause = cause
        self.seconds = seconds
        switch cause {
        case .noCredential: reason = .missing
        case .certificateExpired, .tokenExpired, .sessionExpired, .sessionIdle, .sessionRolesOld: reason = .expired
        default: reason = .invalid
        }
    }

    func of(_ issuer: TokenIssuer) -> AuthenticationFailure {
        var failure = self
        failure.issuer = issuer.issuer
        return failure
    }
}
