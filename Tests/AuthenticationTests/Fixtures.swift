@_spi(Authentication) import Tenancy

@testable import Authentication

/// A deterministic source of test data: SplitMix64.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

func partnerRecord(_ text: String) throws -> PartnerRecord { PartnerRecord(id: try PartnerID(text), name: nil) }

func partnerID(_ text: String) throws -> PartnerID { try PartnerID(text) }

func record(
    _ principal: String, of partner: String = "p1", _ roles: [Role], disabled: Bool = false, name: String = "A Person"
) throws -> PrincipalRecord {
    PrincipalRecord(
        partner: try PartnerID(partner), id: try PrincipalID(principal), displayName: name, roles: RoleSet(roles),
        isDisabled: disabled)
}

extension AccessRegistry {
    /// These principals and their partners.
    init(_ principals: [PrincipalRecord]) {
        self.init(
            partners: Set(principals.map(\.partner)).sorted().map { PartnerRecord(id: $0, name: nil) },
            principals: principals)
    }
}

func scope(_ partner: String) throws -> PartnerScope {
    let admin = Principal(
        .partner(try PartnerID(partner), try PrincipalID("root"), RoleSet([.userManagementAdmin])))
    guard let scope = try AccessPolicy.authorize(admin, for: .managePrincipals).scope else { throw NoGrant() }
    return scope
}

func operatorGrant() throws -> OperatorGrant {
    let grant = try AccessPolicy.authorize(Principal(.operator(name: "feed")), for: .managePartners)
    guard let granted = grant.operatorGrant else { throw NoGrant() }
    return granted
}

struct NoGrant: Error {}

extension PrincipalDirectory {
    /// Prepares and publishes at once.
    func apply(_ change: PrincipalChange, in partner: String) throws {
        try publish(prepare(change, in: scope(partner)))
    }
}

/// A certificate whose chain was verified, valid for ever.
func certificate(
    _ uris: [String], notBefore: Int64 = 0, notAfter: Int64 = .max, verified: Bool = true,
    fingerprint: [UInt8] = [UInt8](repeating: 7, count: 32)
) -> PeerIdentity {
    PeerIdentity(
        verified: verified, reason: verified ? "" : "revoked", uriSANs: uris, notBefore: notBefore,
        notAfter: notAfter, fingerprint: fingerprint)
}
