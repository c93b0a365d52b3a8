import Tenancy

/// A registered partner.
public struct PartnerRecord: Sendable, Hashable {
    public let id: PartnerID
    /// The name given when it was created; a `partner` fact may tell a newer one. Nil when none was given.
    public let name: String?
    /// Nobody of a disabled partner is let in.
    public let disabled: Bool

    public init(id: PartnerID, name: String?, disabled: Bool = false) {
        self.id = id
        self.name = name
        self.disabled = disabled
    }
}

/// A registered caller of a partner.
public struct PrincipalRecord: Sendable, Hashable {
    public let partner: PartnerID
    public let id: PrincipalID
    public let displayName: String
    public let roles: RoleSet
    public let disabled: Bool

    public init(partner: PartnerID, id: PrincipalID, displayName: String, roles: RoleSet, disabled: Bool) {
        self.partner = partner
        self.id = id
        self.displayName = displayName
        self.roles = roles
        self.disabled = disabled
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

/// One change of who may call. That the last user management admin stays is the caller's to check.
public enum AccessChange: Sendable, Hashable {
    /// A new partner with its first principal. `alreadyExists` when the partner is registered.
    case createPartner(PartnerRecord, first: PrincipalRecord)
    /// `notFound` when there is no such partner.
    case updatePartner(PartnerID, disabled: Bool)
    /// `alreadyExists` when the partner has a principal of that id.
    case createPrincipal(PrincipalRecord)
    /// `notFound` when the partner has no principal of that id.
    case updatePrincipal(PrincipalRecord)
    /// `notFound` when the partner has no principal of that id.
    case deletePrincipal(PartnerID, PrincipalID)

    /// The partner whose callers change.
    public var partner: PartnerID {
        switch self {
        case .createPartner(let partner, _): partner.id
        case .createPrincipal(let principal), .updatePrincipal(let principal): principal.partner
        case .deletePrincipal(let partner, _), .updatePartner(let partner, _): partner
        }
    }
}

/// A change as it is written, with what it needs.
public struct AccessSave: Sendable {
    public let change: AccessChange
    /// The revision that a created partner makes, nil for other changes.
    public let entry: LogEntry?
    public let grant: AccessGrant

    public init(_ change: AccessChange, entry: LogEntry?, for grant: AccessGrant) {
        self.change = change
        self.entry = entry
        self.grant = grant
    }
}

extension AccessChange {
    /// Those that are not ids.
    private var texts: [String] {
        switch self {
        case .createPartner(let partner, let first): [partner.name ?? "", first.displayName]
        case .createPrincipal(let principal), .updatePrincipal(let principal): [principal.displayName]
        case .updatePartner, .deletePrincipal: []
        }
    }

    /// The rules that every engine keeps before it touches anything.
    package func check(entry: LogEntry?, for grant: AccessGrant) throws(DatastoreError) {
        // Where texts end with a zero such a one would come back as another.
        guard !texts.contains(where: { $0.utf8.contains(0) }) else { throw .invalid("a text contains a zero") }
        switch (self, grant) {
        case (.createPartner(let partner, let first), .operator):
            guard first.partner == partner.id else { throw .outsideScope }
            guard let entry, entry.kind == .partnerCreated else {
                throw .invalid("a created partner needs its log entry")
            }
        case (.updatePartner, .operator):
            guard entry == nil else { throw .invalid("a changed partner makes no log entry") }
        case (.createPrincipal, .partner(let scope)), (.updatePrincipal, .partner(let scope)),
            (.deletePrincipal, .partner(let scope)):
            guard partner == scope.partner else { throw .outsideScope }
            guard entry == nil else { throw .invalid("a changed principal makes no log entry") }
        default:
            throw .outsideScope
        }
    }
}
