import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// Cases of people with several ids, concealed people and snapshots in parts, as files of partners have them.
@Suite struct PeopleTests {
    private let start: Int32 = 20_000

    private var frame: [Fact] {
        [
            Make.sku("E3", .office365, [.exo]), Make.relationship("P", "C", 0),
            Make.subscription("s", "C", "E3", .by("P"), start - 300, 10),
        ] + Make.fullCoverage("C", start)
    }

    private func book(_ core: InsightsCore) throws -> PartnerBook {
        core.book(in: try scope("P"), today: day(start + 20))
    }

    /// Active, total users, assigned.
    private func usage(_ core: InsightsCore, on number: Int32) throws -> [Int64] {
        let row = try book(core).insights(of: ID.customer("C"), on: day(number), products: [.office365])
        let product = try #require(row?.products.first)
        return [product.usage.active, product.usage.totalUsers, product.all.assigned]
    }

    private func classes(_ core: InsightsCore, on number: Int32) throws -> UsageClasses {
        try #require(try book(core).explain(.product(.office365), of: ID.customer("C"), on: day(number))).classes
    }

    private func users(_ core: InsightsCore, on number: Int32) throws -> [String] {
        let rows = try book(core).licensedUsers(
            of: ID.customer("C"), on: day(number), activity: .any, workload: nil)?.rows
        return (rows ?? []).map { "\($0.user) \($0.principalName?.text ?? "-") \($0.displayName)" }
    }

    /// Marries between two downloads: one person before and after, whichever file came first.
    @Test(arguments: [false, true]) func aRenamedPersonIsOne(activityFirst: Bool) throws {
        let files: [[Fact]] = [
            [
                Make.user("C", "guid", "Anna Berg", principal: "anna.berg"),
                Make.snapshot("C", "E3", start - 25, ["guid"]),
            ],
            [Make.activity("C", "anna.berg", .exo, [start - 24])],
            [
                Make.user("C", "guid", "Anna Vos", principal: "anna.vos"),
                Make.snapshot("C", "E3", start - 6, ["guid"]),
            ],
            [Make.activity("C", "anna.vos", .exo, [start - 3])],
        ]
        var core = InsightsCore(frame)
        for place in activityFirst ? [1, 3, 0, 2] : [0, 1, 2, 3] { core.add(files[place]) }
        #expect(try usage(core, on: start) == [1, 1, 1])
        #expect(try classes(core, on: start).entitled == 1)
        #expect(try users(core, on: start) == ["guid anna.vos Anna Vos"])
        #expect(try usage(core, on: start - 10) == [1, 1, 1])
    }

    /// A list with concealed names one day and shown ones the next: nobody counts twice, nobody is called unlicensed.
    @Test func concealedNamesAreNotCountedBesideShownOnes() throws {
        let people = (1...5).map { "user\($0)" }
        var core = InsightsCore(frame + [Make.snapshot("C", "E3", start - 20, people)])
        core.add((1...5).map { Make.activity("C", "DIGEST\($0)", .exo, [start - 2], concealed: true) })
        #expect(try usage(core, on: start) == [5, 5, 5])
        #expect(try classes(core, on: start).unidentified == 5)
        #expect(try classes(core, on: start).unlicensed == 0)
        core.add(people.prefix(3).map { Make.activity("C", $0, .exo, [start - 1]) })
        #expect(try usage(core, on: start).first == 5)
        let both = try classes(core, on: start)
        #expect(both.entitled == 3 && both.unidentified == 2 && both.sum == 5)
        #expect(try users(core, on: start).count == 5)
    }

    /// The account of somebody who left is made anew under the old name: two people, and the name is the second's.
    @Test func aNameMovesAndWhatCameBeforeStays() throws {
        var core = InsightsCore(
            frame + [Make.user("C", "old", "Jan", principal: "jan"), Make.assignment("C", "old", "E3", start - 200)])
        core.add([Make.activity("C", "jan", .exo, [start - 30])])
        core.add([Make.user("C", "new", "Jan B", principal: "jan"), Make.assignment("C", "jan", "E3", start - 20)])
        core.add([Make.activity("C", "jan", .exo, [start - 1])])
        #expect(try users(core, on: start) == ["new jan Jan B", "old - Jan"])
        #expect(try usage(core, on: start - 10).first == 1 && usage(core, on: start).first == 1)
        let done = core.erase(
            user: ID.user("jan"), of: ID.customer("C"), replacement: ID.user("x"), revision: core.revision.next)
        #expect(done?.users == [ID.user("jan"), ID.user("new")])
        #expect(try users(core, on: start) == ["old - Jan"])
        let again = core.erase(
            user: ID.user("x"), of: ID.customer("C"), replacement: ID.user("y"), revision: core.revision.next)
        #expect(again == nil)
        // Its ids are free: they start somebody new.
        core.add([Make.assignment("C", "jan", "E3", start - 5)])
        #expect(try users(core, on: start) == ["jan - ", "old - Jan"])
    }

    /// Who is named by a part alone is nobody yet, and counts as anonymous once the snapshot is complete.
    @Test func erasingReachesPartsThatWait() throws {
        func part(_ number: Int32, _ users: [String]) -> Fact {
            Make.snapshot("C", "E3", start - 3, users, part: SnapshotPart(number: number, of: 2))
        }
        var core = InsightsCore(frame + [part(1, ["early", "b"])])
        let done = core.erase(
            user: ID.user("early"), of: ID.customer("C"), replacement: ID.user("x"), revision: core.revision.next)
        #expect(done?.users == [ID.user("early")] && done?.place.place == .part(slot: 0, index: 0))
        #expect(!core.takeDirtyStates().contains { String(decoding: $0.body, as: UTF8.self).contains("early") })
        core.add([part(2, ["c"])])
        #expect(try users(core, on: start).map { $0.prefix(1) } == ["b", "c"])
        #expect(try usage(core, on: start).last == 3)
    }

    /// Also from the rows of people who were merged before the name moved.
    @Test func erasingLeavesNoSignInName() throws {
        var core = InsightsCore(frame + [Make.user("C", "p1", "One", principal: "secret")])
        core.add([Make.user("C", "q", "Q", aliases: ["p1"])])
        core.add([Make.user("C", "p2", "Two", principal: "secret")])
        let done = core.erase(
            user: ID.user("secret"), of: ID.customer("C"), replacement: ID.user("x"), revision: core.revision.next)
        #expect(done?.users == [ID.user("p2"), ID.user("secret")])
        #expect(!core.takeDirtyStates().contains { String(decoding: $0.body, as: UTF8.self).contains("secret") })
    }

    @Test func partsCountFromTheLastOneOn() throws {
        func part(_ number: Int32, of count: Int32, _ users: [String]) -> Fact {
            Make.snapshot("C", "E3", start - 3, users, part: SnapshotPart(number: number, of: count))
        }
        var core = InsightsCore(frame + [Make.user("C", "a", "A", principal: "a@x")])
        core.add([part(1, of: 2, ["a@x", "gone"])])
        #expect(try usage(core, on: start).last == 0)
        core.add([part(1, of: 2, ["a@x", "b"])])
        core.add([part(2, of: 2, ["c", "a"])])
        #expect(try users(core, on: start).map { $0.prefix(1) } == ["a", "b", "c"])
        // Once complete, the parts begin anew; another number of parts too; a whole one takes their place.
        core.add([part(2, of: 2, ["d"])])
        core.add([part(1, of: 3, ["e"])])
        core.add([part(1, of: 2, ["f"])])
        #expect(try users(core, on: start).count == 3)
        core.add([Make.snapshot("C", "E3", start - 3, ["g"])])
        core.add([part(2, of: 2, ["h"])])
        #expect(try users(core, on: start).map { $0.prefix(1) } == ["g"])
    }

    @Test func manyPartsOfManyPeople() throws {
        var core = InsightsCore(frame)
        for number in Int32(1)...20 {
            let users = (0..<1_000).map { "user-\(number)-\($0)" }
            core.add([
                Make.snapshot("C", "E3", start - 3, users, part: SnapshotPart(number: number, of: 20))
            ])
        }
        #expect(try usage(core, on: start).last == 20_000)
    }
}
