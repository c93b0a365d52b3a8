import Cryptography

/// A sign-in under way: all that this server has to know of it, in a cookie of the browser where it was begun. So a
/// code that somebody else got is of no use here.
struct LoginState: Sendable, Hashable {
    /// Seconds that a person has for it.
    static let longestSeconds: Int64 = 600
    /// Bytes of each secret.
    static let secretCount = 32

    let mark: IssuerMark
    let state: [UInt8]
    let nonce: [UInt8]
    let verifier: [UInt8]
    /// Unix seconds.
    let begun: Int64
    /// Of the session that only its roles are asked for, the first sign-in; nil for a new one. Then the issuer is not
    /// to ask the person anything.
    let renews: Int64?
    /// A path of this host.
    let target: String

    init(mark: IssuerMark, begun: Int64, renews: Int64?, target: String) {
        self.mark = mark
        state = SecureRandom.bytes(Self.secretCount)
        nonce = SecureRandom.bytes(Self.secretCount)
        verifier = SecureRandom.bytes(Self.secretCount)
        self.begun = begun
        self.renews = renews
        self.target = LocalTarget.checked(target)
    }

    // MARK: As they travel

    var stateText: String { Base64URL.text(of: state) }
    var nonceText: String { Base64URL.text(of: nonce) }
    /// 43 characters (RFC 7636).
    var verifierText: String { Base64URL.text(of: verifier) }
    var challenge: String { Base64URL.text(of: DigestAlgorithm.sha256.digest(of: Array(verifierText.utf8))) }

    func isAnswered(by state: String) -> Bool {
        areEqualInConstantTime(Array(state.utf8), Array(stateText.utf8))
    }

    func isOver(now: Int64) -> Bool { now >= begun + Self.longestSeconds || begun > now + TokenClaims.skew }

    // MARK: As bytes

    private static let version: UInt8 = 1

    var bytes: [UInt8] {
        var writer = FieldWriter()
        writer.add(Self.version)
        writer.add(fixed: mark.bytes)
        for secret in [state, nonce, verifier] { writer.add(fixed: secret) }
        writer.add(begun)
        writer.add(renews ?? -1)
        writer.add(target)
        return writer.bytes
    }

    /// Nil for anything but what `bytes` has written.
    init?(bytes: [UInt8]) {
        var reader = FieldReader(bytes)
        guard reader.byte() == Self.version, let mark = reader.fixed(IssuerMark.byteCount),
            let state = reader.fixed(Self.secretCount), let nonce = reader.fixed(Self.secretCount),
            let verifier = reader.fixed(Self.secretCount), let begun = reader.number(), let renews = reader.number(),
            let target = reader.text(), reader.isAtEnd
        else { return nil }
        let sane: ClosedRange<Int64> = 0...253_402_300_799
        guard sane.contains(begun), renews == -1 || sane.contains(renews), LocalTarget.checked(target) == target else {
            return nil
        }
        self.mark = IssuerMark(bytes: mark)
        (self.state, self.nonce, self.verifier) = (state, nonce, verifier)
        (self.begun, self.renews) = (begun, renews == -1 ? nil : renews)
        self.target = target
    }
}
