/// Whose licenses a query may count.
public enum LicenseReach: Sendable, Hashable {
    /// Licenses sold by the scope's partner.
    case own
    /// Licenses of every seller; other sellers appear only as sums.
    case allPartners
}

/// The right to read one partner's book. Only `AccessPolicy` makes one, from an authenticated principal; it can be
/// narrowed, never widened, and there is no form that means every partner.
public struct PartnerScope: Sendable, Hashable {
    public let partner: PartnerID
    public let reach: LicenseReach

    init(partner: PartnerID, reach: LicenseReach) {
        self.partner = partner
        self.reach = reach
    }

    /// The same partner's book, own licenses only.
    public func narrowedToOwn() -> PartnerScope {
        PartnerScope(partner: partner, reach: .own)
    }
}

/// The right to write facts and to create partners. Reads no partner's figures.
public struct OperatorGrant: Sendable, Hashable {
    /// The operator's name, for the audit trail.
    public let name: String

    init(name: String) {
        self.name = name
    }

    /// The grant under which a starting server reads its own log back, before any caller exists.
    @_spi(Recovery)
    public static func recovery() -> OperatorGrant {
        OperatorGrant(name: "recovery")
    }
}
