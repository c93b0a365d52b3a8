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
    private let fetcher: any KeySetFetcher
    /// By the fixed names of issuers; of those with a placeholder the places are in `patterns`.
    private let places: [String: Int]
    private let patterns: [Int]
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
        try Self.requireDistinct(issuers)
        (self.issuers, self.fetcher) = (issuers, fetcher)
        let fixed = issuers.enumerated().compactMap { place, issuer in issuer.name.fixed.map { ($0, place) } }
        places = Dictionary(uniqueKeysWithValues: fixed)
        patterns = issuers.indices.filter { issuers[$0].name.fixed == nil }
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

    /// Throws what would stop a start with these issuers; fetches nothing.
    public static func check(_ issuers: [TokenIssuer]) throws(TokenIssuerError) {
        try requireDistinct(issuers)
        for issuer in issuers {
            guard case .file(let path) = issuer.keys else { continue }
            do throws(KeySetError) {
                let json = try BoundedFile.read(path, limit: KeySettings().maximumBytes)
                _ = try KeySet(json: json, allowed: issuer.algorithms)
            } catch {
                throw TokenIssuerError(file: "of \(issuer.issuer)", reason: "\"jwks\": \(error)")
            }
        }
    }

    private static func requireDistinct(_ issuers: [TokenIssuer]) throws(TokenIssuerError) {
        var names: Set<IssuerName> = []
        for issuer in issuers where !names.insert(issuer.name).inserted {
            throw TokenIssuerError(file: "of \(issuer.issuer)", reason: "the issuer is configured twice")
        }
    }

    /// Ends the threads that keep the keys fresh, within a moment; tokens are still checked with the keys at hand.
    public func stop() {
        for source in sources { source.stop() }
        fetcher.end()
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
        let known = recall(fingerprint)
        let proven = if let known { known } else { try prove(bytes, fingerprint, now: now) }
        do throws(AuthenticationFailure) {
            try proven.claims.check(certificate: certificate, now: now)
        } catch {
            throw error.of(issuers[proven.source])
        }
        return proven.claims.identity
    }

    private func recall(_ fingerprint: Fingerprint) -> Remembered? {
        guard let known = remembered.withLock({ $0[fingerprint] }) else { return nil }
        return sources[known.source].current.version == known.version ? known : nil
    }

    /// The issuer that a token says it is of: one with that very name, or with a placeholder that its `tid` fits.
    private func place(_ claims: [String: StrictJSON]) throws(AuthenticationFailure) -> Int {
        guard let name = claims["iss"]?.string else { throw AuthenticationFailure(.tokenIssuer) }
        if let place = places[name] { return place }
        let tenant = claims["tid"]?.string
        guard let place = patterns.first(where: { issuers[$0].name.matches(name, tenant: tenant) }) else {
            throw AuthenticationFailure(.tokenIssuer)
        }
        return place
    }

    private func prove(
        _ bytes: [UInt8], _ fingerprint: Fingerprint, now: Int64
    ) throws(AuthenticationFailure) -> Remembered {
        let token = try TokenText(bytes)
        let place = try place(token.claims)
        let proven: Remembered
        do throws(AuthenticationFailure) {
            proven = try prove(token, of: place, now: now)
        } catch {
            throw error.of(issuers[place])
        }
        remembered.withLock { remembered in
            // Emptied rather than aged: it fills up once in many thousands of tokens, and each is proven again once.
            if remembered.count >= Self.maximumRemembered { remembered.removeAll(keepingCapacity: true) }
            remembered[fingerprint] = proven
        }
        return proven
    }

    private func prove(
        _ token: TokenText, of place: Int, now: Int64
    ) throws(AuthenticationFailure) -> Remembered {
        let version = try proveSignature(of: token, by: place, now: now)
        return Remembered(claims: try TokenClaims(token.claims, of: issuers[place]), source: place, version: version)
    }

    /// Whom a token about a sign-in names, and its roles. Not remembered: each is good for one sign-in.
    ///
    /// - Parameters:
    ///   - issuer: where the sign-in was begun.
    ///   - nonce: what it was begun with.
    func verifyIDToken(
        _ token: String, of issuer: TokenIssuer, nonce: String, now: Int64
    ) throws(AuthenticationFailure) -> TokenIdentity {
        guard token.utf8.count <= TokenText.maximumBytes else { throw AuthenticationFailure(.tokenTooLong) }
        let text = try TokenText(Array(token.utf8))
        let place = try place(text.claims)
        do throws(AuthenticationFailure) {
            guard issuers[place] == issuer, let login = issuer.login else { throw AuthenticationFailure(.tokenIssuer) }
            _ = try proveSignature(of: text, by: place, now: now)
            return try IDTokenClaims(text, of: issuer, client: login.clientID).identity(nonce: nonce, now: now)
        } catch {
            throw error.of(issuers[place])
        }
    }

    /// The version of the keys that proved it.
    private func proveSignature(
        of token: TokenText, by place: Int, now: Int64
    ) throws(AuthenticationFailure) -> UInt64 {
        guard issuers[place].algorithms.contains(token.algorithm) else {
            throw AuthenticationFailure(.tokenAlgorithm)
        }
        let source = sources[place]
        let (keys, version) = source.current
        guard let entry = keys.key(token.keyID, for: token.algorithm) else {
            // This token is refused; the next one with the key of a rotation finds it.
            source.keyIsUnknown(now: now)
            throw AuthenticationFailure(.tokenKeyUnknown)
        }
        guard entry.key.isValid(token.signature, of: token.signed, token.algorithm.scheme) else {
            throw AuthenticationFailure(.tokenSignature)
        }
        let (name, tenant) = (token.claims["iss"]?.string ?? "", token.claims["tid"]?.string)
        guard entry.mayProve(issuer: name, tenant: tenant) else { throw AuthenticationFailure(.tokenKeyIssuer) }
        return version
    }
}
