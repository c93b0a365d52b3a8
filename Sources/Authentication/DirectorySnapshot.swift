import Tenancy

/// One immutable state of the directory: every registered partner and its principals.
public struct DirectorySnapshot: Sendable {
    /// Bounds of one partner and of the whole directory.
    public static let maximumPrincipalsPerPartner = 10_000
    public static let maximumPartners = 100_000

    /// Grows by one with every change.
    public private(set) var generation: UInt64

    private var partners: [PartnerID: [PrincipalID: PrincipalRecord]]
    /// Registered partners of whom nobody is let in.
    private var disabledPartners: Set<PartnerID> = []

    public static let empty = DirectorySnapshot(generation: 0, partners: [:])

    private init(generation: UInt64, partners: [PartnerID: [PrincipalID: PrincipalRecord]]) {
        self.generation = generation
        self.partners = partners
    }

    /// The state that a store holds. `generation` is that of the running process, not persisted.
    public init(stored: AccessRegistry) {
        var partners: [PartnerID: [PrincipalID: PrincipalRecord]] = [:]
        for partner in stored.partners { partners[partner.id] = [:] }
        for record in stored.principals {
            partners[record.partner, default: [:]][record.id] = record.withKnownRoles
        }
        self.init(generation: 1, partners: partners)
        disabledPartners = Set(stored.partners.filter(\.isDisabled).map(\.id))
    }

    public var partnerCount: Int { partners.count }

    public func isRegistered(_ partner: PartnerID) -> Bool { partners[partner] != nil }

    /// Whether nobody of the partner is let in.
    public func isDisabled(_ partner: PartnerID) -> Bool { disabledPartners.contains(partner) }

    public func principalCount(in scope: PartnerScope) -> Int { partners[scope.partner]?.count ?? 0 }

    /// The principals of the scope's partner, ordered by id.
    public func principals(in scope: PartnerScope) -> [PrincipalRecord] {
        (partners[scope.partner] ?? [:]).values.sorted { $0.id < $1.id }
    }

    public func principal(_ principal: PrincipalID, in scope: PartnerScope) -> PrincipalRecord? {
        partners[scope.partner]?[principal]
    }

    /// The record that a credential names. Internal: everybody else needs a scope.
    func record(_ principal: PrincipalID, of partner: PartnerID) -> PrincipalRecord? {
        partners[partner]?[principal]
    }

    // MARK: What others changed, each returning the next state

    /// The partners as the store has them now.
    func replacing(_ changed: [PartnerAccess]) -> DirectorySnapshot {
        var next = self
        for access in changed {
            let id = access.partner.id
            next.partners[id] = Dictionary(
                access.principals.map { ($0.id, $0.withKnownRoles) }, uniquingKeysWith: { _, last in last })
            if access.partner.isDisabled { next.disabledPartners.insert(id) } else { next.disabledPartners.remove(id) }
        }
        next.generation &+= 1
        return next
    }

    /// Everybody as the store has them now.
    func replaced(by read: DirectorySnapshot) -> DirectorySnapshot {
        var next = read
        next.generation = generation &+ 1
        return next
    }

    // MARK: Changes, each returning the next state and leaving this one as it is

    func creatingPartner(_ partner: PartnerID, first: PrincipalRecord) throws(DirectoryError) -> DirectorySnapshot {
        guard partners[partner] == nil else { throw .alreadyExists }
        guard partners.count < Self.maximumPartners else { throw .full(limit: Self.maximumPartners) }
        return replacing(partner, with: [first.id: first])
    }

    func settingPartner(_ partner: PartnerID, disabled: Bool) throws(DirectoryError) -> DirectorySnapshot {
        guard partners[partner] != nil else { throw .notFound }
        var next = self
        if disabled { next.disabledPartners.insert(partner) } else { next.disabledPartners.remove(partner) }
        next.generation &+= 1
        return next
    }

    func creatingPrincipal(
        _ record: PrincipalRecord, of partner: PartnerID
    ) throws(DirectoryError) -> DirectorySnapshot {
        guard var principals = partners[partner] else { throw .notFound }
        guard principals[record.id] == nil else { throw .alreadyExists }
        guard principals.count < Self.maximumPrincipalsPerPartner else {
            throw .full(limit: Self.maximumPrincipalsPerPartner)
        }
        principals[record.id] = record
        return replacing(partner, with: principals)
    }

    func storing(_ record: PrincipalRecord, of partner: PartnerID) throws(DirectoryError) -> DirectorySnapshot {
        guard var principals = partners[partner], let before = principals[record.id] else { throw .notFound }
        if before.isEnabledAdmin, !record.isEnabledAdmin { try requireAnotherAdmin(in: principals) }
        principals[record.id] = record
        return replacing(partner, with: principals)
    }

    func deletingPrincipal(_ principal: PrincipalID, of partner: PartnerID) throws(DirectoryError) -> DirectorySnapshot
    {
        guard var principals = partners[partner], let before = principals[principal] else { throw .notFound }
        if before.isEnabledAdmin { try requireAnotherAdmin(in: principals) }
        principals[principal] = nil
        return replacing(partner, with: principals)
    }

    private func requireAnotherAdmin(in principals: [PrincipalID: PrincipalRecord]) throws(DirectoryError) {
        var admins = 0
        for record in principals.values where record.isEnabledAdmin {
            admins += 1
            if admins == 2 { return }
        }
        throw .lastAdmin
    }

    private func replacing(
        _ partner: PartnerID, with principals: [PrincipalID: PrincipalRecord]
    ) -> DirectorySnapshot {
        var next = self
        next.partners[partner] = principals
        next.generation &+= 1
        return next
    }
}
