import Authentication
import DurableFiles
import InsightsServer
import Logging

/// What the issuers' files say. Throws also where people are to sign in and the server does not know where it is.
func loadTokenIssuers(_ settings: Settings) throws -> [TokenIssuer] {
    let issuers = try settings.tokenIssuers.map { path in try TokenIssuer.load(path: path) }
    if let issuer = issuers.first(where: { $0.login != nil }), settings.publicURL == nil {
        throw SettingsError(
            description: "--public-url is required: people sign in at \(issuer.issuer), which sends them back there")
    }
    // Before anybody is asked for keys.
    try SignIn.check(issuers)
    return issuers
}

/// What the issuers' files ask for.
struct IssuerSetup {
    /// Nil when no issuer is configured, and then every token is refused.
    let tokens: TokenVerifier?
    /// Nil where nobody signs in.
    let signIn: SignIn?

    /// - Parameters:
    ///   - strangers: for what somebody without a credential can cause.
    ///   - sharesStore: other servers may be on the store, which have to open each other's cookies.
    init(_ settings: Settings, logger: Logger, strangers: StrangerLog, sharesStore: Bool) throws {
        let issuers = try loadTokenIssuers(settings)
        guard !issuers.isEmpty else {
            (tokens, signIn) = (nil, nil)
            return
        }
        var keys = KeySettings()
        keys.trustRootsFile = settings.tokenCA
        let verifier = try TokenVerifier(issuers, settings: keys) { event in
            if let failure = event.failure {
                // The last good keys stay in force.
                logger.warning("key set not read", metadata: ["issuer": "\(event.issuer)", "reason": "\(failure)"])
            } else {
                logger.info("key set read", metadata: ["issuer": "\(event.issuer)", "keys": "\(event.keys ?? 0)"])
            }
        }
        tokens = verifier
        guard let url = settings.publicURL, issuers.contains(where: { $0.login != nil }) else {
            signIn = nil
            return
        }
        let folder = settings.keys ?? settings.data
        let isFirstKey = try SecretFile.find(folder: folder, name: Self.sessionKey, isPrivate: true) == nil
        let sessions = Sessions(keys: try Self.sessionKeys(folder: folder), issuers: issuers, publicURL: url)
        if sharesStore, isFirstKey {
            logger.warning("session.key made: the other servers need the same", metadata: ["folder": "\(folder)"])
        }
        signIn = try SignIn(issuers: issuers, verifier: verifier, sessions: sessions, settings: keys) {
            Self.tell($0, logger, strangers)
        }
    }

    private static let sessionKey = "session.key"

    /// Made at the first start; with the one before it beside it, sessions outlive its replacement.
    private static func sessionKeys(folder: String) throws -> SessionKeys {
        try SessionKeys(
            current: try SecretFile.load(folder: folder, name: sessionKey, isPrivate: true),
            previous: try SecretFile.find(folder: folder, name: sessionKey + ".previous", isPrivate: true))
    }

    private static func tell(_ event: SignInEvent, _ logger: Logger, _ strangers: StrangerLog) {
        switch event {
        case .discovery(let issuer, let reason?):
            // What was read before stays in force.
            logger.warning("sign-in metadata not read", metadata: ["issuer": "\(issuer)", "reason": "\(reason)"])
        case .discovery(let issuer, nil):
            logger.info("sign-in metadata read", metadata: ["issuer": "\(issuer)"])
        case .exchange(let issuer, let reason):
            strangers.log(
                .warning, "code not exchanged", metadata: ["issuer": "\(issuer)", "reason": "\(reason)"])
        }
    }
}
