import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// What a fold writes, in which pieces, and what a start makes of pieces that are all there is.
@Suite struct FoldTests {
    private let start: Int32 = 19_000

    private func store(_ states: [CoreState], in stored: inout [String: [UInt8]]) {
        for state in states { stored[state.key] = state.body }
    }

    private func restored(_ stored: [String: [UInt8]]) throws -> InsightsCore {
        let parts = PartialCores()
        var core = parts.begin()
        for (key, body) in stored.sorted(by: { $0.key < $1.key }) {
            try core.restore(CoreState(key: key, body: body))
        }
        try parts.keep(core)
        return parts.merge()
    }

    private func begun(_ core: inout InsightsCore) throws -> StateFold {
        let fold = core.beginFold()
        return try #require(fold)
    }

    /// Everybody's figures and lists on some days.
    private func expectSame(_ left: InsightsCore, _ right: InsightsCore, _ comment: Comment) throws {
        #expect(left.revision == right.revision, comment)
        let (one, other) = (
            left.book(in: try scope("P"), today: day(start + 400)),
            right.book(in: try scope("P"), today: day(start + 400))
        )
        for number in [start - 600, start - 300, start - 3, start + 1, start + 20, start + 200, start + 399] {
            for customer in ["C", "D"] {
                let id = ID.customer(customer)
                #expect(
                    one.insights(of: id, on: day(number), products: Product.allCases)
                        == other.insights(of: id, on: day(number), products: Product.allCases), comment)
                #expect(
                    one.licensedUsers(of: id, on: day(number), activity: .any, workload: nil)?.rows
                        == other.licensedUsers(of: id, on: day(number), activity: .any, workload: nil)?.rows, comment)
            }
            #expect(
                one.portfolio(on: day(number), products: Product.allCases)
                    == other.portfolio(on: day(number), products: Product.allCases), comment)
        }
    }

    private var portfolio: [Fact] {
        [
            Make.sku("A", .office365, [.exo, .spo]), Make.sku("B", .office365, [.teams]),
            Make.relationship("P", "C", 0),
            Make.relationship("P", "D", 0), Make.subscription("s", "C", "A", .by("P"), start - 700, 900),
            Make.subscription("t", "D", "B", .by("P"), start - 700, 20),
        ] + Make.fullCoverage("C", start + 390) + Make.fullCoverage("D", start + 390)
    }

    // MARK: What is written

    /// Two years of a thousand people, then one more day: the second fold writes that day's epoch alone.
    @Test func aFoldWritesWhatChangedAndOldEpochsNeverAgain() throws {
        var facts = portfolio
        for number in 0..<1_000 {
            facts.append(Make.assignment("C", "p\(number)", "A", start - 700))
            let days = (0..<730).map { start - 730 + $0 }.filter { $0 % 7 < 5 }
            for workload in [Workload.exo, .spo, .teams] {
                facts.append(Make.activity("C", "p\(number)", workload, days))
            }
        }
        var core = InsightsCore(facts)
        var stored: [String: [UInt8]] = [:]
        store(core.takeDirtyStates(), in: &stored)
        let whole = stored.values.reduce(0) { $0 + $1.count }
        // Per person and year, three workloads on work days: bounds what the store grows by.
        #expect(whole / 2_000 < 250)
        core.add((0..<1_000).map { Make.activity("C", "p\($0)", .exo, [start + 1]) })
        let second = core.takeDirtyStates()
        let epoch = String((start + 1) >> 7, radix: 16)
        #expect(Set(second.map(\.key)) == Set((0..<4).map { "uses/C/00\(epoch)/0000000\($0)" } + ["core"]))
        #expect(second.reduce(0) { $0 + $1.body.count } < whole / 6)
        store(second, in: &stored)
        try expectSame(core, restored(stored), "after the second fold")
        // What is known already changes nothing, however old.
        core.add((0..<1_000).map { Make.activity("C", "p\($0)", .exo, [start - 7 * 99]) }.filter { _ in start % 7 < 5 })
        #expect(core.takeDirtyStates().map(\.key) == ["core"])
        // A day that comes late writes its own epoch.
        core.add([Make.activity("C", "p999", .yam, [start - 700])])
        let late = core.takeDirtyStates().map(\.key)
        #expect(late == ["uses/C/00\(String((start - 700) >> 7, radix: 16))/00000003", "core"])
        // And a name the row of names.
        core.add([Make.user("C", "p300", "Nina")])
        #expect(core.takeDirtyStates().map(\.key) == ["users/C/00000001", "core"])
    }

    @Test func piecesAreBoundedAndTogetherTheWhole() throws {
        var facts = portfolio
        for number in 0..<2_000 {
            facts.append(Make.user("C", "p\(number)", String(repeating: "n", count: 100)))
            facts.append(Make.activity("C", "p\(number)", .exo, [start - 300, start]))
        }
        var core = InsightsCore(facts)
        var copy = core
        let whole = copy.takeDirtyStates()
        var fold = try begun(&core)
        #expect(core.beginFold() == nil)
        // What comes meanwhile is not in it.
        core.add([Make.activity("C", "late", .exo, [start])])
        var pieces: [[CoreState]] = []
        while !fold.isAtEnd { pieces.append(fold.next(maximumBytes: 40_000)) }
        #expect(fold.next(maximumBytes: 40_000).isEmpty)
        core.finishFold(fold)
        let largest = whole.map(\.body.count).max() ?? 0
        #expect(pieces.count > 4 && pieces.allSatisfy { $0.reduce(0) { $0 + $1.body.count } <= 40_000 + largest })
        #expect(pieces.joined().map(\.key) == whole.map(\.key) && pieces.last?.last?.key == "core")
        #expect(Array(pieces.joined()) == whole)
        #expect(core.takeDirtyStates().map(\.key).sorted() == ["core", "users/C/00000007", "uses/C/0094/00000007"])
    }

    @Test func anAbandonedFoldIsPartOfTheNext() throws {
        var core = InsightsCore(portfolio + [Make.activity("C", "u", .exo, [start])])
        var fold = try begun(&core)
        _ = fold.next(maximumBytes: 1)
        core.add([Make.activity("D", "v", .exo, [start])])
        core.abandonFold(fold)
        var stored: [String: [UInt8]] = [:]
        store(core.takeDirtyStates(), in: &stored)
        try expectSame(core, restored(stored), "after an abandoned fold")
    }

    // MARK: A fold that was not finished

    /// Whatever part of a fold is stored when the process dies: the rows of it and the log since the fold before give
    /// what there was, and so does the next fold.
    @Test(arguments: 1...12)
    func rowsNewerThanTheLogChangeNothing(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var log: [[Fact]] = [portfolio]
        for round in 0..<30 { log.append(facts(of: round, &random)) }
        var core = InsightsCore()
        var stored: [String: [UInt8]] = [:]
        for batch in log.prefix(12) { core.add(batch) }
        store(core.takeDirtyStates(), in: &stored)
        for batch in log[12..<24] { core.add(batch) }
        var fold = try begun(&core)
        for batch in log[24...] { core.add(batch) }
        var pieces: [[CoreState]] = []
        while !fold.isAtEnd { pieces.append(fold.next(maximumBytes: 1)) }
        #expect(pieces.count > 8)
        for count in stride(from: seed % 3, to: pieces.count, by: 3) {
            var partial = stored
            store([StateFold.marker], in: &partial)
            for piece in pieces.prefix(count) { store(piece, in: &partial) }
            var again = try restored(partial)
            #expect(again.isFoldUnfinished && again.revision.number == 12)
            for batch in log[12...] { again.add(batch) }
            try expectSame(core, again, "seed \(seed), \(count) of \(pieces.count) rows")
            // The fold after that is whole.
            store(again.takeDirtyStates(), in: &partial)
            partial[StateFold.marker.key] = nil
            try expectSame(core, restored(partial), "seed \(seed), folded after \(count) of \(pieces.count) rows")
        }
    }

    /// Facts of every kind about people of whom there are more and more: over several groups, late and again.
    private func facts(of round: Int, _ random: inout SeededGenerator) -> [Fact] {
        var facts: [Fact] = []
        for _ in 0..<60 {
            let customer = Bool.random(using: &random) ? "C" : "D"
            let user = "p\(Int.random(in: 0..<(40 + round * 30), using: &random))"
            let other = "n\(Int.random(in: 0..<30, using: &random))"
            let on = start + Int32.random(in: -600...20, using: &random)
            switch Int.random(in: 0..<15, using: &random) {
            case 0: facts.append(Make.user(customer, user, "Name \(round)"))
            case 9: facts.append(Make.user(customer, user, "Name \(round)", principal: other))
            case 10:
                let merged = "p\(Int.random(in: 0..<(40 + round * 30), using: &random))"
                facts.append(Make.user(customer, other, "Name \(round)", aliases: [merged, "n0"]))
            case 11: facts.append(Make.activity(customer, other, .exo, [on]))
            case 12: facts.append(Make.assignment(customer, other, "A", start - 9 * Int32(round % 3), on + 700))
            case 13: facts.append(Make.activity(customer, other, .exo, [on], concealed: true))
            case 14:
                let part = SnapshotPart(number: Int32.random(in: 1...3, using: &random), of: 3)
                facts.append(Make.snapshot(customer, "B", start - Int32(round % 2), [user, other, "p1"], part: part))
            case 1: facts.append(Make.assignment(customer, user, "A", start - 9 * Int32(round % 3), on + 700))
            case 2: facts.append(Make.assignment(customer, user, "B", on, on))
            case 3: facts.append(Make.snapshot(customer, "A", start - Int32(round % 5), [user, "p1", "p2"]))
            case 4: facts.append(Make.support(customer, on, .howTo, Int64(round)))
            case 5:
                facts.append(
                    Make.subscription(
                        "s\(round % 4)", customer, round % 3 == 0 ? "A" : "B", round % 2 == 0 ? .direct : .by("P"), on,
                        Int64(round), term: "P1Y"))
                facts.append(Make.subscriptions(customer, start - Int32(round), ["s1", "s2", "odd"]))
            default:
                facts.append(Make.activity(customer, user, Bool.random(using: &random) ? .exo : .teams, [on, on + 1]))
            }
        }
        if round % 7 == 3 { facts.append(Make.sku("A", .office365, round % 2 == 0 ? [.exo] : [.exo, .spo])) }
        return facts
    }

    @Test func missingPeopleAreNoticed() throws {
        var facts = portfolio
        for number in 0..<600 { facts.append(Make.activity("C", "p\(number)", .exo, [start])) }
        var core = InsightsCore(facts)
        var stored: [String: [UInt8]] = [:]
        store(core.takeDirtyStates(), in: &stored)
        for group in 0..<3 {
            var damaged = stored
            damaged["users/C/0000000\(group)"] = nil
            #expect(throws: CoreStateError.self) { try restored(damaged) }
        }
        try expectSame(core, restored(stored), "whole")
    }

    // MARK: Rows of version 1

    /// Written by a server that folded into rows of version 1: three people, their holdings and their days.
    private static let version1: [(key: String, hex: String)] = [
        (
            "catalog",
            "0102024533064f666669636501140156000104"
        ),
        (
            "core",
            "0103"
        ),
        (
            "customer/C/x",
            "0104436f686f00b89401b89401b89401010141b48d01ffffffff07000202733102453302014101988e01090100"
                + "0000027332015602014101ae9401020100000001015601a8028080808080808004"
        ),
        (
            "partners",
            "010101500950726f736577617265"
        ),
        (
            "users/C/x/00000000",
            "010303616e6e03416e6e000102453301fc8e01ffffffff07000000d902fc8e01"
                + String(repeating: "02", count: 344)
                + "0002a891018d03000003626f6203426f62000202453301fc8e01a494010001560001a802808080808080800400"
                + "00038c920101a9020000000002637900000101560001a8028080808080808004000000000032fc930101010101"
                + "010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101"
                + "00"
        ),
    ]

    private func version1() throws -> [String: [UInt8]] {
        var stored: [String: [UInt8]] = [:]
        for (key, hex) in Self.version1 {
            let digits = Array(hex.utf8).map { UInt8($0 < 58 ? $0 - 48 : $0 - 87) }
            stored[key] = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        }
        return stored
    }

    /// The facts that those rows were made of.
    private func facts() -> [Fact] {
        let customer = "C/x"
        return [
            .partner(PartnerFact(partner: ID.partner("P"), name: "Proseware")),
            .sku(
                SkuFact(sku: ID.sku("E3"), name: "Office", product: .office365, workloads: WorkloadSet([.exo, .spo]))),
            .sku(SkuFact(sku: ID.sku("V"), name: "", product: .office365, workloads: WorkloadSet([.exo]))),
            .customer(CustomerFact(customer: ID.customer(customer), name: "Coho", market: "")),
            Make.relationship("A", customer, start - 900),
            Make.subscription("s1", customer, "E3", .by("A"), start - 800, 9),
            Make.subscription("s2", customer, "V", .by("A"), start - 10, 2), Make.user(customer, "ann", "Ann"),
            Make.user(customer, "bob", "Bob"), Make.assignment(customer, "ann", "E3", start - 700),
            Make.assignment(customer, "bob", "E3", start - 700, start - 20),
            Make.snapshot(customer, "V", start - 5, ["bob", "cy"]),
            Make.activity(customer, "ann", .exo, stride(from: 0, to: 690, by: 2).map { start - 700 + $0 }),
            Make.activity(customer, "ann", .spo, [start - 400, start - 3]),
            Make.activity(customer, "bob", .exo, [start - 300, start - 299, start - 2]),
            Make.activity(customer, "cy", .teams, (0..<50).map { start - 60 + $0 }),
        ] + Make.fullCoverage(customer, start - 1)
    }

    private func expectSameOldPeople(_ left: InsightsCore, _ right: InsightsCore) throws {
        let id = ID.customer("C/x")
        for number in stride(from: start - 720, through: start + 90, by: 9) {
            let (one, other) = (
                left.book(in: try scope("A"), today: day(start + 100)),
                right.book(in: try scope("A"), today: day(start + 100))
            )
            #expect(
                one.insights(of: id, on: day(number), products: Product.allCases)
                    == other.insights(of: id, on: day(number), products: Product.allCases))
            #expect(
                one.licensedUsers(of: id, on: day(number), activity: .any, workload: nil)?.rows
                    == other.licensedUsers(of: id, on: day(number), activity: .any, workload: nil)?.rows)
        }
    }

    @Test func rowsOfVersion1AreReadAndRewrittenWhenTheyChange() throws {
        var stored = try version1()
        let old = stored
        var core = try restored(stored)
        var expected = InsightsCore(facts())
        try expectSameOldPeople(core, expected)
        #expect(core.takeDirtyStates().isEmpty)
        // A new day writes its epoch; the old row stays, and both count.
        for more in [Make.activity("C/x", "ann", .exo, [start + 1]), Make.activity("C/x", "cy", .spo, [start - 200])] {
            core.add([more])
            expected.add([more])
        }
        store(core.takeDirtyStates(), in: &stored)
        #expect(stored["users/C/x/00000000"] == old["users/C/x/00000000"])
        core = try restored(stored)
        try expectSameOldPeople(core, expected)
        // A changed name rewrites it: the days move to rows of their own, which come first.
        core.add([Make.user("C/x", "dan", "Dan")])
        expected.add([Make.user("C/x", "dan", "Dan")])
        var fold = try begun(&core)
        var keys: [String] = []
        while !fold.isAtEnd {
            let piece = fold.next(maximumBytes: 1)
            keys += piece.map(\.key)
            store(piece, in: &stored)
            guard !fold.isAtEnd else { break }
            // Also when the process dies here.
            var again = try restored(stored.merging([StateFold.marker.key: StateFold.marker.body]) { $1 })
            again.add([Make.user("C/x", "dan", "Dan")])
            try expectSameOldPeople(again, expected)
        }
        core.finishFold(fold)
        #expect(
            keys.suffix(2) == ["users/C/x/00000000", "core"] && keys.dropLast(2).allSatisfy { $0.hasPrefix("uses/") })
        #expect(stored["users/C/x/00000000"]?.first == 3)
        try expectSameOldPeople(restored(stored), expected)
        // Once: from then on it is like any other.
        core.add([Make.user("C/x", "dan", "Daniel")])
        #expect(core.takeDirtyStates().map(\.key) == ["users/C/x/00000000", "core"])
    }

    @Test func anErasedPersonLeavesTheRowOfVersion1() throws {
        var stored = try version1()
        var core = try restored(stored)
        let done = core.erase(
            user: ID.user("bob"), of: ID.customer("C/x"), replacement: ID.user("gone"), revision: core.revision.next)
        #expect(done?.users == [ID.user("bob")])
        store(core.takeDirtyStates(), in: &stored)
        #expect(stored.values.allSatisfy { !String(decoding: $0, as: UTF8.self).contains("bob") })
        let before = InsightsCore(facts()).book(in: try scope("A"), today: day(start))
        let after = try restored(stored).book(in: try scope("A"), today: day(start))
        for number in [start - 299, start - 2, start - 1] {
            let (one, other) = (
                before.insights(of: ID.customer("C/x"), on: day(number), products: Product.allCases),
                after.insights(of: ID.customer("C/x"), on: day(number), products: Product.allCases)
            )
            #expect(one == other)
        }
    }
}
