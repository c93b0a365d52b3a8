import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// Rows of the catalog and of customers as version 1 wrote them: without free SKUs, terms and snapshots of
/// subscriptions, and with one SKU for each subscription.
@Suite struct OldRowsTests {
    private let start: Int32 = 19_000
    private let customer = "C/y"

    /// Written by a server that folded the facts below.
    private static let version1: [(key: String, hex: String)] = [
        (
            "catalog",
            "01040245330a4e616d65206f6620453301140156094e616d65206f66205601440144094e616d65206f66204402020357"
                + "494e0b4e616d65206f662057494e0000"
        ),
        (
            "partners",
            "010101500950726f736577617265"
        ),
        (
            "customer/C/y",
            "010c437573746f6d657220432f79024e4cb89401b79401b89401020150b48d01ffffffff070151869401ea940102b594"
                + "010106b6940102010602733102453302015002988e01090100d6940101de93010c0100d6940101027332024533020151"
                + "019094010402000000027333015600019a9401050101be94010002733401440102fc93010703000000ae940107040000"
                + "000273350357494e02015001fc93010301000000027336034e455702015001fc930180c2d72f0100000001015601a802"
                + "8080808080808004"
        ),
        (
            "uses/C/y/0093/00000000",
            "02010240017c"
        ),
        (
            "uses/C/y/0094/00000000",
            "02030004022f350102021f3602400137"
        ),
        (
            "users/C/y/00000000",
            "020303616e6e03416e6e000102453301fc8e01ffffffff070003626f62000002014401fc8e01a494010001560001a802"
                + "808080808080800402637900000101560001a8028080808080808004"
        ),
        (
            "core",
            "0101"
        ),
    ]

    private func version1() -> [CoreState] {
        Self.version1.map { key, hex in
            let digits = Array(hex.utf8).map { UInt8($0 < 58 ? $0 - 48 : $0 - 87) }
            return CoreState(
                key: key,
                body: stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
        }
    }

    private func subscription(
        _ id: String, _ sku: String, _ seller: Seller, _ on: Int32, _ quantity: Int64,
        _ state: SubscriptionState = .active, trial: Bool = false, termEnd: Int32? = nil, autoRenew: Bool = false
    ) -> Fact {
        Make.subscription(
            id, customer, sku, seller, on, quantity, state, trial: trial, termEnd: termEnd, autoRenew: autoRenew)
    }

    private var facts: [Fact] {
        [
            .partner(PartnerFact(partner: ID.partner("P"), name: "Proseware")),
            Make.sku("E3", .office365, [.exo, .spo]), Make.sku("V", .office365, [.exo, .yam]),
            Make.sku("D", .dynamics365, [.crm]), Make.sku("WIN", nil, []), Make.customer(customer),
            Make.relationship("P", customer, start - 900), Make.relationship("Q", customer, start - 50, start + 50),
            subscription("s1", "E3", .by("P"), start - 800, 9, termEnd: start + 29, autoRenew: true),
            subscription("s1", "E3", .by("P"), start - 90, 12, termEnd: start + 29, autoRenew: true),
            subscription("s2", "E3", .by("Q"), start - 40, 4, .grace),
            subscription("s3", "V", .direct, start - 30, 5, trial: true, termEnd: start + 5),
            subscription("s4", "D", .unknown, start - 60, 7, .suspended),
            subscription("s4", "D", .unknown, start - 10, 7, .deprovisioned),
            subscription("s5", "WIN", .by("P"), start - 60, 3),
            subscription("s6", "NEW", .by("P"), start - 60, 100_000_000),
            Make.user(customer, "ann", "Ann"), Make.assignment(customer, "ann", "E3", start - 700),
            Make.assignment(customer, "bob", "D", start - 700, start - 20),
            Make.snapshot(customer, "V", start - 5, ["bob", "cy"]),
            Make.activity(customer, "ann", .exo, [start - 9, start - 3]),
            Make.activity(customer, "bob", .crm, [start - 25, start - 2]),
            Make.activity(customer, "cy", .yam, [start - 60, start - 1]),
            Make.support(customer, start - 3, .howTo, 6), Make.support(customer, start - 2, .other, 1),
            Make.coverage(customer, .subscriptions, start - 1), Make.coverage(customer, .assignments, start - 2),
            Make.coverage(customer, .activity, start - 1),
        ]
    }

    private func restored(_ rows: [CoreState]) throws -> InsightsCore {
        var core = InsightsCore()
        for row in rows { try core.restore(row) }
        try core.finishRestoring()
        return core
    }

    private func expectSame(_ left: InsightsCore, _ right: InsightsCore) throws {
        #expect(left.revision == right.revision)
        let id = ID.customer(customer)
        for partner in ["P", "Q"] {
            let (one, other) = (
                left.book(in: try scope(partner), today: day(start + 20)),
                right.book(in: try scope(partner), today: day(start + 20))
            )
            #expect(one.customers() == other.customers() && one.customers().count == 1)
            for number in [start - 801, start - 800, start - 91, start - 45, start - 20, start - 1, start, start + 19] {
                let shown = day(number)
                let products = Product.allCases
                #expect(
                    one.insights(of: id, on: shown, products: products)
                        == other.insights(of: id, on: shown, products: products))
                #expect(one.portfolio(on: shown, products: products) == other.portfolio(on: shown, products: products))
                #expect(one.subscriptions(of: id, on: shown)?.rows == other.subscriptions(of: id, on: shown)?.rows)
                #expect(
                    one.licensedUsers(of: id, on: shown, activity: .any, workload: nil)?.rows
                        == other.licensedUsers(of: id, on: shown, activity: .any, workload: nil)?.rows)
                #expect(
                    one.recommendations(of: id, on: shown, products: products)?.rows
                        == other.recommendations(of: id, on: shown, products: products)?.rows)
            }
        }
    }

    @Test func rowsOfVersion1GiveTheSameAnswers() throws {
        var core = try restored(version1())
        var expected = InsightsCore(facts)
        try expectSame(core, expected)
        #expect(core.takeDirtyStates().isEmpty)
        let book = core.book(in: try scope("P"), today: day(start))
        let row = try #require(book.insights(of: ID.customer(customer), on: day(start), products: [.office365]))
        #expect(row.products[0].own.sold == 12 && row.products[0].all.sold == 16 && row.uncatalogued.count == 1)
        // Both go on alike: what is told of a subscription of before changes it, and the row is written anew.
        let more = [
            subscription("s1", "V", .by("Q"), start - 8, 11), Make.subscriptions(customer, start - 7, ["s1", "s5"]),
            Make.sku("D", .dynamics365, [.crm], free: true),
        ]
        core.add(more)
        expected.add(more)
        try expectSame(core, expected)
        let changed = core.takeDirtyStates()
        #expect(changed.map(\.key) == ["catalog", "customer/C/y", "core"])
        #expect(changed[0].body.first == 2 && changed[1].body.first == 2)
        let kept = version1().filter { row in !changed.contains { $0.key == row.key } }
        try expectSame(restored(kept + changed), expected)
    }

    /// A row is what the version in its first byte says, and no other is read.
    @Test func rowsOfOtherVersionsAreRefused() throws {
        for row in version1() where row.key != "core" {
            for version in [UInt8(0), 3, 9] {
                var core = InsightsCore()
                #expect(throws: CoreStateError.self) {
                    try core.restore(CoreState(key: row.key, body: [version] + row.body.dropFirst()))
                }
            }
        }
    }
}
