import Cryptography
import Foundation
import Synchronization
import Tenancy

/// What a bearer token says, once it is proven.
public struct TokenIdentity: Sendable, Hashable {
    public let partner: PartnerID
    public let principal: PrincipalID
    public let roles: RoleSet
    /// The `exp` claim, Unix seconds.
    public let expiresAt: Int64
}

/// Checks bearer tokens of the configured issuers.
///
/// A token is believed only when its issuer is configured, its algorithm is one of that issuer's, its key id is one
/// of that issuer's keys of today, and the signature fits; then its claims are looked at. Synchronous; does no
/// I/O on the caller's thread.
public final class TokenVerifier: Sendable {
    /// Proven tokens that are remembered, so that a token is not proven again with every call. About 8 MB.
    private static let maximumRemembered = 16_384

    private struct Remembered {
        let claims: TokenClaims
        let source: Int
        /// The version of the source's keys that proved it: a key that was taken back proves nothing any more.
        let version: UInt64
    }

    private let issuers: [TokenIssuer]
    private let sources: [KeySetSource]
    private let places: [String: Int]
    private let remembered = Mutex<[Fingerprint: Remembered]>([:])

    /// Reads the issuers' keys and keeps them fresh until `stop`.
    ///
    /// Throws when two issuers have one name, and when a file has no usable keys. A URL that does not answer is tried
    /// again; until then its tokens are refused.
    public convenience init(
        _ issuers: [TokenIssuer], settings: KeySettings = KeySettings(),
        report: @escaping @Sendable (KeySetEvent) -> Void = { _ in }
    ) throws(TokenIssuerError) {
        try self.init(issuers, settings: settings, fetcher: HTTPSKeySetFetcher(), report: report)
    }

    init(
        _ issuers: [TokenIssuer], settings: KeySettings, fetcher: any KeySetFetcher,
        report: @escaping @Sendable (KeySetEvent) -> Void
    ) throws(TokenIssuerError) {
        var places: [String: Int] = [:]
        for (place, issuer) in issuers.enumerated() {
            guard places.updateValue(place, forKey: issuer.issuer) == nil else {
                throw TokenIssuerError(file: "of \(issuer.issuer)", reason: "the issuer is configured twice")
            }
        }
        self.issuers = issuers
        self.places = places
        sources = issuers.map { KeySetSource($0, settings: settings, fetcher: fetcher, report: report) }
        for (issuer, source) in zip(issuers, sources) {
            do throws(KeySetError) {
                try source.start()
            } catch {
                stop()
                throw TokenIssuerError(file: "of \(issuer.issuer)", reason: "\"jwks\": \(error)")
            }
        }
    }

    deinit {
        stop()
    }

    /// Ends the threads that keep the keys fresh; tokens are still checked with the keys at hand.
    public func stop() {
        for source in sources { source.stop() }
    }

    /// - Parameters:
    ///   - certificate: SHA-256 of the certificate that came with the token, for tokens that are bound to one.
    ///   - now: Unix time in seconds.
    func verify(
        _ token: Substring.UTF8View, certificate: [UInt8]?, now: Int64
    ) throws(AuthenticationFailure) -> TokenIdentity {
        guard token.count <= TokenText.maximumBytes else { throw AuthenticationFailure(.tokenTooLong) }
        let bytes = Array(token)
        let fingerprint = Fingerprint(of: bytes)
        let claims: TokenClaims
        if let known = recall(fingerprint) {
            claims = known
        } else {
            claims = try prove(bytes, fingerprint, now: now)
        }
        try claims.check(certificate: certificate, now: now)
        return claims.identity
    }

    private func recall(_ fingerprint: Fingerprint) -> TokenClaims? {
        guard let known = remembered.withLock({ $0[fingerprint] }) else { return nil }
        return sources[known.source].current.version == known.version ? known.claims : nil
    }

    private func prove(
        _ bytes: [UInt8], _ fingerprint: Fingerprint, now: Int64
    ) throws(AuthenticationFailure) -> TokenClaims {
        let token = try TokenText(bytes)
        guard let name = token.claims["iss"]?.string, let place = places[name] else {
            throw AuthenticationFailure(.tokenIssuer)
        }
        guard issuers[place].algorithms.contains(token.algorithm) else {
            throw AuthenticationFailure(.tokenAlgorithm)
        }
        let source = sources[place]
        let (keys, version) = source.current
        guard let key = keys.key(token.keyID, for: token.algorithm) else {
            // This token is refused; the next one with the key of a rotation finds it.
            source.keyIsUnknown(now: now)
            throw AuthenticationFailure(.tokenKeyUnknown)
        }
        guard key.isValid(token.signature, of: token.signed, token.algorithm.scheme) else {
            throw AuthenticationFailure(.tokenSignature)
        }
        let claims = try TokenClaims(token.claims, of: issuers[place])
        let entry = Remembered(claims: claims, source: place, version: version)
        remembered.withLock { remembered in
            // Emptied rather than aged: it fills up once in many thousands of tokens, and each is proven again once.
            if remembered.count >= Self.maximumRemembered { remembered.removeAll(keepingCapacity: true) }
            remembered[fingerprint] = entry
        }
        return claims
    }
}
