import Authentication
import Logging

/// What the issuers' files say.
func loadTokenIssuers(_ settings: Settings) throws -> [TokenIssuer] {
    try settings.tokenIssuers.map { path in try TokenIssuer.load(path: path) }
}

/// The verifier of bearer tokens; nil when no issuer is configured, and then every token is refused.
func makeTokenVerifier(_ settings: Settings, logger: Logger) throws -> TokenVerifier? {
    guard !settings.tokenIssuers.isEmpty else { return nil }
    let issuers = try loadTokenIssuers(settings)
    var keys = KeySettings()
    keys.trustRootsFile = settings.tokenCA
    return try TokenVerifier(issuers, settings: keys) { event in
        if let failure = event.failure {
            // The last good keys stay in force.
            logger.warning("key set not read", metadata: ["issuer": "\(event.issuer)", "reason": "\(failure)"])
        } else {
            logger.info("key set read", metadata: ["issuer": "\(event.issuer)", "keys": "\(event.keys ?? 0)"])
        }
    }
}
