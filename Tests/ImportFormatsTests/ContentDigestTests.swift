import InsightsAPI
import Testing

@testable import ImportFormats

/// Whether two imports say the same, in whatever order.
@Suite struct ContentDigestTests {
    private func digest(
        _ kind: ImportKind, _ pages: [[String]], _ options: ImportOptions = options()
    ) throws -> String {
        let files = pages.enumerated().map { number, rows in
            let link = number + 1 < pages.count ? #""@odata.nextLink":"x","# : ""
            return input("{\(link)\"value\":[\(rows.joined(separator: ","))]}", name: "page-\(number)")
        }
        let plan = ImportPlan(kind: kind, files: files, options: options)
        return try plan.contentDigest(try plan.inspect())
    }

    private static let subscriptions = (1...6).map { number in
        #"{"id":"s\#(number)","skuId":"\#(officeE3)","status":"Enabled","totalLicenses":\#(number),"#
            + #""createdDateTime":"2025-0\#(number)-01T00:00:00Z"}"#
    }
    private static let users = (1...6).map { number in
        #"{"id":"u\#(number)","userPrincipalName":"u\#(number)@x","displayName":"U \#(number)","#
            + #""assignedLicenses":[{"skuId":"\#(officeE3)"},{"skuId":"f30db892-07e9-47e9-837c-80727f46fd3d"}]}"#
    }
    private static let catalog = (1...6).map { number in
        #"{"skuId":"6fd2c87f-b296-42f0-b197-1e91e994b90\#(number)","skuPartNumber":"P_\#(number)","consumedUnits":1}"#
    }

    private static let cases: [(kind: ImportKind, rows: [String], old: String, new: String)] = [
        (.graphSubscriptions, subscriptions, #""totalLicenses":3"#, #""totalLicenses":4"#),
        (.graphSubscriptions, subscriptions, #""id":"s3""#, #""id":"s9""#),
        (.graphUsers, users, #""displayName":"U 3""#, #""displayName":"U 33""#),
        (.graphUsers, users, #""id":"u3""#, #""id":"u9""#),
        (.graphSubscribedSkus, catalog, "P_3", "P_9"),
    ]

    @Test(arguments: cases.indices)
    func `rows in another order and on other pages are the same`(index: Int) throws {
        let (kind, rows, old, new) = Self.cases[index]
        let first = try digest(kind, [rows])
        #expect(try digest(kind, [rows.reversed()]) == first)
        #expect(try digest(kind, [Array(rows[2...]), Array(rows[..<2])]) == first)
        #expect(try digest(kind, [Array(rows[..<1]), [], Array(rows[1...].reversed())]) == first)

        let changed = rows.map { $0.replacing(old, with: new) }
        #expect(changed != rows)
        #expect(try digest(kind, [changed]) != first)
        #expect(try digest(kind, [Array(rows.dropLast())]) != first)
    }

    @Test func `what is told of another day or customer is something else`() throws {
        let first = try digest(.graphSubscriptions, [Self.subscriptions])
        let others = [
            options { $0.date = day("2026-03-30") }, options { $0.customerID = "adatum" },
            options { $0.sinceCreation = true },
        ]
        for other in others { #expect(try digest(.graphSubscriptions, [Self.subscriptions], other) != first) }
        // What only names the batches is not.
        #expect(try digest(.graphSubscriptions, [Self.subscriptions], options { $0.salt = "x" }) == first)
    }

    @Test func `two pairs of quantities are not one another`() throws {
        let row = { (id: String, quantity: Int) in
            #"{"id":"\#(id)","skuId":"\#(officeE3)","status":"Enabled","totalLicenses":\#(quantity)}"#
        }
        #expect(
            try digest(.graphSubscriptions, [[row("a", 1), row("b", 2)]])
                != digest(.graphSubscriptions, [[row("a", 2), row("b", 1)]]))
    }

    @Test func `the first day of a subscription`() throws {
        func first(_ rows: [String], _ change: (inout ImportOptions) -> Void) throws -> String {
            let file = input("[\(rows.joined(separator: ","))]")
            return try ImportPlan(kind: .graphSubscriptions, files: [file], options: options(change)).inspect()
                .firstSubscriptionDay
        }
        #expect(try first(Self.subscriptions.reversed()) { $0.sinceCreation = true } == "2025-01-01")
        #expect(try first(Self.subscriptions) { _ in } == "2026-03-31")
        #expect(try first([]) { $0.sinceCreation = true } == "")
        let users = ImportPlan(
            kind: .graphUsers, files: [input("[\(Self.users.joined(separator: ","))]")], options: options())
        #expect(try users.inspect().firstSubscriptionDay == "")
    }
}
