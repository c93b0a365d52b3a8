/// A registered partner.
public struct PartnerRecord: Sendable, Hashable {
    public let id: PartnerID
    /// The name given when it was created; a `partner` fact may tell a newer one. Nil when none was given.
    public let name: String?
    /// Nobody of a disabled partner is let in.
    public let isDisabled: Bool

    public init(id: PartnerID, name: String?, isDisabled: Bool = false) {
        self.id = id
        self.name = name
        self.isDisabled = isDisabled
    }
}

/// A registered caller of a partner.
public struct PrincipalRecord: Sendable, Hashable {
    /// Bound of a display name, in Unicode scalars.
    public static let maximumDisplayNameLength = 256

    public let partner: PartnerID
    public let id: PrincipalID
    public var displayName: String
    public var roles: RoleSet
    /// A disabled principal is refused as if it were unknown.
    public var isDisabled: Bool

    public init(
        partner: PartnerID, id: PrincipalID, displayName: String, roles: RoleSet, isDisabled: Bool = false
    ) {
        self.partner = partner
        self.id = id
        self.displayName = displayName
        self.roles = roles
        self.isDisabled = isDisabled
    }

    /// Whether this record counts towards the admin that every partner keeps.
    public var isEnabledAdmin: Bool { !isDisabled && roles.contains(.userManagementAdmin) }
}

/// A partner and everybody who may call for it.
public struct PartnerAccess: Sendable, Hashable {
    public let partner: PartnerRecord
    /// By id.
    public let principals: [PrincipalRecord]

    public init(partner: PartnerRecord, principals: [PrincipalRecord]) {
        self.partner = partner
        self.principals = principals
    }
}

/// Who may call.
public struct AccessRegistry: Sendable, Hashable {
    /// By id.
    public let partners: [PartnerRecord]
    /// By partner id, then principal id.
    public let principals: [PrincipalRecord]

    public init(partners: [PartnerRecord], principals: [PrincipalRecord]) {
        self.partners = partners
        self.principals = principals
    }
}

/// One change of who may call: the whole new record, or that it is gone.
public enum AccessChange: Sendable, Hashable {
    /// A new partner with its first principal.
    case createPartner(PartnerRecord, first: PrincipalRecord)
    case updatePartner(PartnerID, isDisabled: Bool)
    case createPrincipal(PrincipalRecord)
    case updatePrincipal(PrincipalRecord)
    case deletePrincipal(PartnerID, PrincipalID)

    /// The partner whose callers change.
    public var partner: PartnerID {
        switch self {
        case .createPartner(let partner, _): partner.id
        case .createPrincipal(let principal), .updatePrincipal(let principal): principal.partner
        case .deletePrincipal(let partner, _), .updatePartner(let partner, _): partner
        }
    }

    /// The principal as it is after the change; nil when deleted, and for changes of a partner alone.
    public var principal: PrincipalRecord? {
        switch self {
        case .createPartner(_, let principal), .createPrincipal(let principal), .updatePrincipal(let principal):
            principal
        case .updatePartner, .deletePrincipal: nil
        }
    }
}
