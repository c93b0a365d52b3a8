import Authentication
import Logging

/// The verifier of bearer tokens; nil when no issuer is configured, and then every token is refused.
func makeTokenVerifier(_ settings: Settings, logger: Logger) throws -> TokenVerifier? {
    guard !settings.tokenIssuers.isEmpty else { return nil }
    throw SettingsError(description: "--token-issuer: not available")
}
