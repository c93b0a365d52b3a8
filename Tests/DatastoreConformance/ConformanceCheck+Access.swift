import Datastore
import LicenseModel
import Tenancy

extension ConformanceCheck {
    private func create(_ partner: String, in store: any LicenseDatastore) throws {
        let change = AccessChange.createPartner(
            PartnerRecord(id: try PartnerID(partner), name: partner == "alpha" ? nil : "Beta B.V."),
            first: try Self.principal(partner, "admin"))
        try store.save(
            change, entry: .partnerCreated(revision: store.revision.next), for: .operator(try Grants.operator()))
    }

    func accessChangesStay(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        try create("beta", in: store)
        try create("alpha", in: store)
        let alpha = AccessGrant.partner(try Grants.scope("alpha"))
        try store.save(.createPrincipal(try Self.principal("alpha", "zoe")), entry: nil, for: alpha)
        try store.save(.createPrincipal(try Self.principal("alpha", "bob")), entry: nil, for: alpha)
        try requireRefusal(.alreadyExists) {
            try store.save(.createPrincipal(try Self.principal("alpha", "bob")), entry: nil, for: alpha)
        }
        let disabled = try Self.principal("alpha", "bob", disabled: true)
        try store.save(.updatePrincipal(disabled), entry: nil, for: alpha)
        let zoe = try PrincipalID("zoe")
        try store.save(.deletePrincipal(try PartnerID("alpha"), zoe), entry: nil, for: alpha)
        try requireRefusal(.notFound) {
            try store.save(.deletePrincipal(try PartnerID("alpha"), zoe), entry: nil, for: alpha)
        }
        try requireRefusal(.notFound) {
            try store.save(.updatePrincipal(try Self.principal("alpha", "zoe")), entry: nil, for: alpha)
        }
        let expected = AccessRegistry(
            partners: [
                PartnerRecord(id: try PartnerID("alpha"), name: nil),
                PartnerRecord(id: try PartnerID("beta"), name: "Beta B.V."),
            ],
            principals: [try Self.principal("alpha", "admin"), disabled, try Self.principal("beta", "admin")])
        for _ in 0..<2 {
            try require(try store.loadAccess(for: try Grants.operator()) == expected, "the registry differs")
            store = try harness.reopen(store)
        }
        try store.close()
    }

    func accessStaysInScope(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        try create("alpha", in: store)
        try create("beta", in: store)
        let before = try store.loadAccess(for: try Grants.operator())
        let alpha = AccessGrant.partner(try Grants.scope("alpha"))
        let revision = store.revision
        let foreign: [AccessChange] = [
            .createPrincipal(try Self.principal("beta", "spy")), .updatePrincipal(try Self.principal("beta", "admin")),
            .deletePrincipal(try PartnerID("beta"), try PrincipalID("admin")),
            .createPartner(
                PartnerRecord(id: try PartnerID("gamma"), name: nil), first: try Self.principal("gamma", "admin")),
        ]
        for change in foreign {
            try requireRefusal(.outsideScope) { try store.save(change, entry: nil, for: alpha) }
        }
        try requireRefusal(.outsideScope) {
            try store.save(
                .createPrincipal(try Self.principal("beta", "spy")), entry: nil,
                for: .operator(try Grants.operator()))
        }
        try requireRefusal(.outsideScope) {
            try store.save(
                .createPartner(
                    PartnerRecord(id: try PartnerID("gamma"), name: nil), first: try Self.principal("beta", "spy")),
                entry: .partnerCreated(revision: revision.next), for: .operator(try Grants.operator()))
        }
        try require(try store.loadAccess(for: try Grants.operator()) == before, "a refused change left something")
        try require(store.revision == revision, "a refused change moved the revision")
        try store.close()
    }

    func createdPartnersMakeRevisions(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        try store.commit(try SampleBatches.entries(1...2))
        try create("alpha", in: store)
        try require(store.revision == Revision(number: 3), "a created partner made no revision")
        try requireRefusal(.alreadyExists) { try create("alpha", in: store) }
        try require(store.revision == Revision(number: 3), "a refused partner made a revision")
        let operatorGrant = AccessGrant.operator(try Grants.operator())
        let gamma = AccessChange.createPartner(
            PartnerRecord(id: try PartnerID("gamma"), name: nil), first: try Self.principal("gamma", "admin"))
        try requireRefusal(.invalid("a created partner needs its log entry")) {
            try store.save(gamma, entry: nil, for: operatorGrant)
        }
        try requireRefusal(.outOfOrder(expected: Revision(number: 4), found: Revision(number: 5))) {
            try store.save(gamma, entry: .partnerCreated(revision: Revision(number: 5)), for: operatorGrant)
        }
        try store.commit([try SampleBatches.entry(4)])
        store = try harness.reopen(store)
        let log = try Recovered(store).log
        try require(log.map(\.kind) == [.batch, .batch, .partnerCreated, .batch], "the log differs")
        try store.close()
    }

    func changesTogetherAreAllOrNone(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        try create("alpha", in: store)
        let alpha = AccessGrant.partner(try Grants.scope("alpha"))
        let operatorGrant = AccessGrant.operator(try Grants.operator())
        func partner(_ name: String, _ revision: Int64) throws -> AccessSave {
            AccessSave(
                .createPartner(
                    PartnerRecord(id: try PartnerID(name), name: nil), first: try Self.principal(name, "admin")),
                entry: .partnerCreated(revision: Revision(number: revision)), for: operatorGrant)
        }
        func own(_ change: AccessChange) -> AccessSave { AccessSave(change, entry: nil, for: alpha) }
        let zoe = own(.createPrincipal(try Self.principal("alpha", "zoe")))
        let before = try store.loadAccess(for: try Grants.operator())
        let ghost = own(.updatePrincipal(try Self.principal("alpha", "ghost")))
        try requireRefusal(.notFound) { try store.save([zoe, try partner("beta", 2), ghost]) }
        try requireRefusal(.alreadyExists) { try store.save([zoe, zoe]) }
        try requireRefusal(.outOfOrder(expected: Revision(number: 3), found: Revision(number: 2))) {
            try store.save([try partner("beta", 2), try partner("gamma", 2)])
        }
        try require(try store.loadAccess(for: try Grants.operator()) == before, "a refused group left something")
        try require(store.revision == Revision(number: 1), "a refused group moved the revision")
        try store.save([])
        try store.save([
            zoe, try partner("beta", 2), own(.updatePrincipal(try Self.principal("alpha", "zoe", disabled: true))),
            try partner("gamma", 3),
        ])
        for _ in 0..<2 {
            let registry = try store.loadAccess(for: try Grants.operator())
            try require(registry.partners.map(\.id.text) == ["alpha", "beta", "gamma"], "the partners differ")
            try require(registry.principals.map(\.id.text) == ["admin", "zoe", "admin", "admin"], "principals differ")
            try require(registry.principals[1].isDisabled, "the later change of a group is not the last")
            try require(store.revision == Revision(number: 3), "the revision differs")
            store = try harness.reopen(store)
        }
        try store.close()
    }
}
