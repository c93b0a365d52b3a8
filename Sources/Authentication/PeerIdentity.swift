/// What the transport learned about a peer's certificate. Independent of the TLS library that learned it.
public struct PeerIdentity: Sendable, Hashable {
    /// Whether the chain ends in a trusted authority and nothing in it is revoked, as of now.
    public var verified: Bool
    /// Why not, for the server's log only; empty when `verified`.
    public var reason: String
    /// Every URI in the subject alternative name, in the order of the certificate.
    public var uriSANs: [String]
    /// First second of validity, Unix time, inclusive.
    public var notBefore: Int64
    /// Last second of validity, Unix time, inclusive.
    public var notAfter: Int64
    /// SHA-256 of the certificate's DER form, 32 bytes.
    public var fingerprint: [UInt8]

    public init(
        verified: Bool, reason: String = "", uriSANs: [String], notBefore: Int64, notAfter: Int64,
        fingerprint: [UInt8]
    ) {
        self.verified = verified
        self.reason = reason
        self.uriSANs = uriSANs
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.fingerprint = fingerprint
    }
}
