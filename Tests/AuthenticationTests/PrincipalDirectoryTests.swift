import Tenancy
import Testing

@testable import Authentication

@Suite struct PrincipalDirectoryTests {
    private func directory() throws -> PrincipalDirectory {
        let directory = PrincipalDirectory()
        try directory.publish(
            directory.prepareCreatePartner(
                partnerRecord("p1"), first: record("root", [.salesAgent]), by: operatorGrant()))
        return directory
    }

    @Test func firstPrincipalIsAlwaysAnAdmin() throws {
        let directory = try directory()
        let first = try directory.snapshot.principal(PrincipalID("root"), in: scope("p1"))
        #expect(first?.roles == RoleSet([.salesAgent, .userManagementAdmin]))
        #expect(throws: DirectoryError.invalid(field: "disabled", reason: "must be false for the first principal")) {
            try directory.prepareCreatePartner(
                partnerRecord("p2"), first: record("a", of: "p2", [], disabled: true), by: operatorGrant())
        }
    }

    /// What another server changed is seen at once, and whatever was derived before is derived anew.
    @Test func whatOthersChangedTakesThePlaceOfWhatWasKnown() throws {
        let directory = try directory()
        let before = directory.generation
        directory.replace([])
        #expect(directory.generation == before)
        let prepared = try directory.prepare(.create(record("late", [])), in: scope("p1"))
        let other = try record("other", [.userManagementAdmin])
        directory.replace([
            PartnerAccess(
                partner: PartnerRecord(id: try PartnerID("p1"), name: nil, isDisabled: true), principals: [other])
        ])
        #expect(directory.generation > before)
        #expect(try directory.snapshot.principals(in: scope("p1")) == [other])
        #expect(try directory.snapshot.isDisabled(PartnerID("p1")))
        #expect(throws: DirectoryError.stale) { try directory.publish(prepared) }
        let registry = AccessRegistry(partners: [try partnerRecord("p9")], principals: [])
        let last = directory.generation
        directory.replace(all: DirectorySnapshot(stored: registry))
        #expect(directory.generation > last && directory.snapshot.partnerCount == 1)
        #expect(
            try !directory.snapshot.isRegistered(PartnerID("p1")) && directory.snapshot.isRegistered(PartnerID("p9")))
    }

    @Test func duplicatesAndUnknownOnes() throws {
        let directory = try directory()
        #expect(throws: DirectoryError.alreadyExists) {
            try directory.prepareCreatePartner(partnerRecord("p1"), first: record("x", []), by: operatorGrant())
        }
        #expect(throws: DirectoryError.alreadyExists) {
            try directory.prepare(.create(record("root", [])), in: scope("p1"))
        }
        #expect(throws: DirectoryError.notFound) {
            try directory.prepare(.create(record("a", of: "nobody", [])), in: scope("nobody"))
        }
        #expect(throws: DirectoryError.notFound) {
            try directory.prepare(.update(PrincipalID("ghost"), PrincipalUpdate(isDisabled: true)), in: scope("p1"))
        }
        #expect(throws: DirectoryError.notFound) {
            try directory.prepare(.delete(PrincipalID("root")), in: scope("p2"))
        }
    }

    @Test func lastEnabledAdminStays() throws {
        let directory = try directory()
        let root = try PrincipalID("root")
        try directory.apply(.create(record("second", [.userManagementAdmin], disabled: true)), in: "p1")
        for change: PrincipalChange in [
            .delete(root), .update(root, PrincipalUpdate(isDisabled: true)),
            .update(root, PrincipalUpdate(roles: RoleSet([.adminAgent]))),
            .update(root, PrincipalUpdate(roles: [], isDisabled: true)),
        ] {
            #expect(throws: DirectoryError.lastAdmin) { try directory.prepare(change, in: scope("p1")) }
        }
        // A disabled admin does not count and may go; once enabled it counts.
        try directory.apply(.update(PrincipalID("second"), PrincipalUpdate(isDisabled: false)), in: "p1")
        try directory.apply(.delete(root), in: "p1")
        #expect(throws: DirectoryError.lastAdmin) {
            try directory.prepare(.delete(PrincipalID("second")), in: scope("p1"))
        }
    }

    @Test func preparedIsInvisibleUntilPublished() throws {
        let directory = try directory()
        let before = directory.generation
        let prepared = try directory.prepare(.create(record("ann", [.adminAgent])), in: scope("p1"))
        #expect(directory.generation == before)
        #expect(try directory.snapshot.principal(PrincipalID("ann"), in: scope("p1")) == nil)
        let other = try directory.prepare(.create(record("bob", [.adminAgent])), in: scope("p1"))
        try directory.publish(prepared)
        #expect(directory.generation != before)
        #expect(directory.generation == directory.snapshot.generation)
        #expect(try directory.snapshot.principal(PrincipalID("ann"), in: scope("p1"))?.roles == RoleSet([.adminAgent]))
        #expect(throws: DirectoryError.stale) { try directory.publish(other) }
        #expect(try directory.snapshot.principal(PrincipalID("bob"), in: scope("p1")) == nil)
        #expect(prepared.change == .createPrincipal(try record("ann", [.adminAgent])))
    }

    @Test func updateChangesOnlyWhatItNames() throws {
        let directory = try directory()
        let ann = try PrincipalID("ann")
        try directory.apply(.create(record("ann", [.adminAgent], name: "Ann")), in: "p1")
        try directory.apply(.update(ann, PrincipalUpdate(isDisabled: true)), in: "p1")
        #expect(
            try directory.snapshot.principal(ann, in: scope("p1"))
                == record("ann", [.adminAgent], disabled: true, name: "Ann"))
        try directory.apply(.update(ann, PrincipalUpdate(displayName: "Anna", roles: [])), in: "p1")
        #expect(
            try directory.snapshot.principal(ann, in: scope("p1"))
                == record("ann", [], disabled: true, name: "Anna"))
    }

    @Test func limitsAndNames() throws {
        let directory = try directory()
        #expect(throws: DirectoryError.invalid(field: "display_name", reason: "is longer than 256 characters")) {
            try directory.prepare(
                .create(record("a", [], name: String(repeating: "é", count: 257))), in: scope("p1"))
        }
        for name in ["a\nb", "\u{1B}[31m", "\u{85}", "\u{0}"] {
            #expect(throws: DirectoryError.self) {
                try directory.prepare(.create(record("a", [], name: name)), in: scope("p1"))
            }
        }
        // Another partner's record does not come in by this partner's scope.
        let foreign = DirectoryError.invalid(field: "partner_id", reason: "must be empty or the partner itself")
        #expect(throws: foreign) { try directory.prepare(.create(record("a", of: "p2", [])), in: scope("p1")) }
        #expect(throws: foreign) {
            try directory.prepareCreatePartner(partnerRecord("p3"), first: record("a", []), by: operatorGrant())
        }
        let many = try (0..<DirectorySnapshot.maximumPrincipalsPerPartner).map { try record("n\($0)", [.adminAgent]) }
        let full = PrincipalDirectory(DirectorySnapshot(stored: AccessRegistry(many)))
        #expect(throws: DirectoryError.full(limit: 10_000)) {
            try full.prepare(.create(record("extra", [])), in: scope("p1"))
        }
    }

    @Test func partnersDoNotMeet() throws {
        let directory = try directory()
        try directory.publish(
            directory.prepareCreatePartner(
                partnerRecord("p2"), first: record("root", of: "p2", []), by: operatorGrant()))
        try directory.apply(.create(record("ann", of: "p2", [])), in: "p2")
        #expect(try directory.snapshot.principals(in: scope("p1")).map(\.id.text) == ["root"])
        #expect(try directory.snapshot.principals(in: scope("p2")).map(\.id.text) == ["ann", "root"])
        #expect(try directory.snapshot.principals(in: scope("p3")).isEmpty)
        // Each keeps its own admin: p1's does not count for p2.
        #expect(throws: DirectoryError.lastAdmin) {
            try directory.prepare(.delete(PrincipalID("root")), in: scope("p2"))
        }
    }

    /// Bits of a damaged row, or of whoever makes a set by hand, never become a permission.
    @Test func bitsThatAreNoRoleAreDropped() throws {
        var odd = try record("odd", [.adminAgent])
        odd.roles = RoleSet(rawValue: 0xFF)
        let known = RoleSet(Role.allCases)
        let directory = try directory()
        #expect(try directory.prepare(.create(odd), in: scope("p1")).change.principal?.roles == known)
        let stored = DirectorySnapshot(stored: AccessRegistry([odd]))
        #expect(try stored.principal(PrincipalID("odd"), in: scope("p1"))?.roles == known)
    }

    /// Random changes against a plain model: never a partner without an enabled admin.
    @Test func adminRuleHoldsUnderRandomChanges() throws {
        var random = Seeded(state: 5)
        let directory = try directory()
        let names = try (0..<4).map { try PrincipalID("n\($0)") } + [PrincipalID("root")]
        for _ in 0..<5_000 {
            guard let name = names.randomElement(using: &random) else { continue }
            let roles = RoleSet(Role.allCases.filter { _ in Bool.random(using: &random) })
            let change: PrincipalChange =
                switch Int.random(in: 0..<3, using: &random) {
                case 0: .create(PrincipalRecord(partner: try partnerID("p1"), id: name, displayName: "", roles: roles))
                case 1: .delete(name)
                default: .update(name, PrincipalUpdate(roles: roles, isDisabled: Bool.random(using: &random)))
                }
            try? directory.apply(change, in: "p1")
            #expect(try directory.snapshot.principals(in: scope("p1")).contains { $0.isEnabledAdmin })
        }
    }
}
