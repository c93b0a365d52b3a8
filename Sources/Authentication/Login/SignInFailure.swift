/// Why nobody is signed in.
public enum SignInFailure: Error, Sendable, Hashable {
    /// No sign-in is under way in that browser: also where cookies are off.
    case state
    /// Another one is.
    case otherState
    /// It was answered before.
    case replayed
    /// The person took longer than `LoginState.longestSeconds`.
    case tooLate
    /// The issuer said no, or the person did there.
    case refusedByIssuer
    /// The answer is said to be of another issuer.
    case otherIssuer
    /// The answer has neither a code nor an error, or something twice.
    case malformed
    /// The issuer's metadata cannot be had.
    case issuerUnreachable
    /// The code was not exchanged: a wrong or used one, or the issuer is out of order.
    case exchange
    /// The token about the sign-in does not do.
    case token(AuthenticationFailure)
    /// The person is known, and is not let in.
    case notAdmitted(AuthenticationFailure)
    /// The token gives none of the roles.
    case noRole
    /// As many sign-ins as may be are being answered.
    case busy

    /// Whether it was an answer of an issuer that did not do, or a person who is not let in.
    public var isRefusal: Bool {
        switch self {
        case .otherState, .replayed, .otherIssuer, .exchange, .token, .notAdmitted, .noRole: true
        // Without a sign-in under way anybody may have asked anything.
        case .state, .tooLate, .refusedByIssuer, .malformed, .issuerUnreachable, .busy: false
        }
    }

    /// For the log: a fixed set of words.
    public var cause: String {
        switch self {
        case .state, .otherState: "login-state"
        case .replayed: "login-replayed"
        case .tooLate: "login-too-late"
        case .refusedByIssuer: "login-refused-by-issuer"
        case .otherIssuer: "login-other-issuer"
        case .malformed: "login-malformed"
        case .issuerUnreachable: "login-issuer-unreachable"
        case .exchange: "login-exchange"
        case .token(let failure), .notAdmitted(let failure): failure.cause.rawValue
        case .noRole: "login-no-role"
        case .busy: "login-busy"
        }
    }
}

/// Something for the log about how signing in goes.
public enum SignInEvent: Sendable, Hashable {
    /// The issuer's metadata were read, or could not be; in words.
    case discovery(issuer: String, failure: String?)
    /// A code was not exchanged; in words, nothing of the code.
    case exchange(issuer: String, failure: String)
}
