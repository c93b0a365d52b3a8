import InsightsAPI
import SwiftProtobuf
import Testing

@testable import ImportFormats

@Suite struct BatchTests {
    private func lines(_ count: Int) -> InputFile {
        input(
            (0..<count).map { #"{"user":{"customer_id":"c","user_id":"u\#($0)"}}"# }.joined(separator: "\n"), name: "f")
    }

    @Test func `facts as JSON lines`() throws {
        let (collected, inspection) = try run(.facts, [try fixture("facts.jsonl")], options())
        #expect(collected.facts.map(\.partner.name) == ["Contoso Reseller", "", ""])
        #expect(collected.facts[1].customer.customerID == "adatum")
        #expect(collected.batches[0].origins.map(\.position.line) == [1, 3, 4])
        #expect(inspection.report.rows == 3)
    }

    @Test(arguments: [
        ("{}", "f:1:1: fact is required: one of partner, customer, relationship, sku, …"),
        ("\n  {\"user\":}", "f:2:11: here should be a value"),
        (
            "{\"customer\":{\"customer_id\":\"a b\"}}",
            "f:1:1: customer.customer_id may contain only visible ASCII characters"
        ),
        ("{\"customer\":{\"nom\":\"x\"}}", "f:1:1: the line is no Fact: field “nom” is unknown"),
        ("{\"subscription\":{\"quantity\":\"x\"}}", "f:1:1: the line is no Fact: a value has the wrong type or range"),
        (
            "{\"relationship\":{\"partner_id\":\"p@x\",\"customer_id\":\"c\",\"start_date\":\"2026-01-01\"}}",
            "f:1:1: relationship.partner_id may contain only A-Z a-z 0-9 . _ -"
        ),
        (
            "{\"coverage\":{\"customer_id\":\"c\",\"source\":\"SOURCE_ACTIVITY\",\"through\":\"2026-04-02\"}}",
            "f:1:1: coverage.through is after today (2026-04-01)"
        ),
    ])
    func `bad facts are named`(text: String, expected: String) {
        #expect(problem(.facts, [input(text, name: "f")], options()) == expected)
    }

    @Test func `an import that fits is one batch and its coverage follows`() throws {
        let (collected, _) = try run(.graphUsers, [try fixture("graph-users.json")], options())
        #expect(collected.batches.map(\.isClosing) == [false, true])
        #expect(collected.batches[1].request.facts.map(\.coverage.through) == ["2026-03-31"])
        let silent = options { $0.withoutCoverage = true }
        #expect(try run(.graphUsers, [try fixture("graph-users.json")], silent).0.batches.count == 1)
    }

    @Test func `a larger one is cut by facts and by bytes, in order and without loss`() throws {
        let small = options {
            $0.limits.singleBatchFacts = 99
            $0.limits.batchFacts = 40
        }
        let (byFacts, _) = try run(.facts, [lines(100)], small)
        #expect(byFacts.batches.map(\.request.facts.count) == [40, 40, 20])
        #expect(byFacts.facts.map(\.user.userID) == (0..<100).map { "u\($0)" })
        let narrow = options {
            $0.limits.singleBatchBytes = 500
            $0.limits.batchBytes = 300
        }
        let (byBytes, _) = try run(.facts, [lines(100)], narrow)
        #expect(byBytes.facts.count == 100)
        for batch in byBytes.batches { #expect(try batch.request.serializedData().count <= 300 + 100) }
        #expect(byBytes.batches.count > 3)
    }

    @Test func `batch ids follow from the content alone`() throws {
        let ids = { (options: ImportOptions, file: InputFile) in
            try run(.facts, [file], options).0.batches.map(\.request.batchID)
        }
        let first = try ids(options(), lines(10))
        #expect(try ids(options(), lines(10)) == first)
        #expect(try ids(options(), lines(11)) != first)
        #expect(try ids(options { $0.salt = "again" }, lines(10)) != first)
        #expect(try ids(options { $0.customerID = "other" }, lines(10)) != first)
        #expect(first.allSatisfy { $0.utf8.count <= 128 })
        let halves = options {
            $0.limits.singleBatchFacts = 1
            $0.limits.batchFacts = 5
        }
        let repeated = input(
            Array(repeating: #"{"user":{"customer_id":"c","user_id":"u"}}"#, count: 10).joined(separator: "\n"))
        #expect(Set(try ids(halves, repeated)).count == 2)
        // Worked out apart from this code: a file that an earlier version imported stays the same import.
        let pairs = options {
            $0.limits.singleBatchFacts = 1
            $0.limits.batchFacts = 2
        }
        #expect(
            try ids(pairs, lines(3)) == [
                "facts-988c279469432fe1cae4d3a2839f3b8c58d2a813e3d8c781f1895c0732a275eb",
                "facts-362d0f7149f17fd93acd2230ca72a593386ee12968c3dfbc216ba13310255763",
            ])
    }

    @Test func `limits of files and facts hold`() {
        let short = options { $0.limits.maximumLineBytes = 20 }
        #expect(problem(.facts, [lines(2)], short) == "f:1: the line is longer than 20 bytes")
        let small = options { $0.limits.maximumFileBytes = 50 }
        #expect(problem(.facts, [lines(2)], small) == "f: the file is larger than the limit of 50 bytes")
        let few = options { $0.limits.maximumFacts = 5 }
        #expect(problem(.facts, [lines(6)], few) == "f: the import makes more than 5 facts")
        let flat = options { $0.limits.maximumDepth = 1 }
        #expect(problem(.facts, [lines(1)], flat).contains("nested deeper than 1"))
    }

    @Test func `a list of SKUs comes from text or JSON`() throws {
        let lines = input("\u{FEFF}\(officeE3.uppercased())\r\n\r\n")
        #expect(
            try SideFiles.customerSkus(lines, options: options()) == CustomerSkus(ids: [officeE3], consumedUnits: [:]))
        let skus = try SideFiles.customerSkus(try fixture("graph-subscribed-skus.json"), options: options())
        #expect(skus.ids.count == 2)
        // Those of the organization as a whole are none that people hold.
        #expect(skus.consumedUnits == [officeE3: 14, "f30db892-07e9-47e9-837c-80727f46fd3d": 3])
        #expect(throws: ImportProblem.self) { try SideFiles.customerSkus(input("x\n"), options: options()) }
    }

    @Test func `a SKU whose holders do not fit into a batch comes in parts that follow from the people alone`() throws {
        let rows = (0..<400).map {
            #"{"id":"id-\#($0)","userPrincipalName":"u\#($0)@x","assignedLicenses":[{"skuId":"\#(officeE3)"}]}"#
        }
        let small = options {
            $0.limits.singleBatchBytes = 1_200
            $0.limits.batchBytes = 1_000
        }
        let snapshots = { (rows: [String]) in
            let (collected, _) = try run(.graphUsers, [input("[\(rows.joined(separator: ","))]")], small)
            for batch in collected.batches { #expect(try batch.request.serializedData().count <= 1_200) }
            return collected.facts.compactMap { if case .assignmentSnapshot(let fact) = $0.fact { fact } else { nil } }
        }
        let parts = try snapshots(rows)
        #expect(parts.count > 3)
        #expect(parts.map(\.part) == Array(1...Int32(parts.count)))
        #expect(parts.allSatisfy { $0.parts == parts.count && $0.skuID == officeE3 && $0.date == "2026-03-31" })
        #expect(parts.flatMap(\.userIds) == (0..<400).map { "id-\($0)" }.sorted())
        #expect(try snapshots(rows.reversed()) == parts)
        let whole = try snapshots(Array(rows.prefix(40)))
        #expect(whole.map(\.part) == [0] && whole.map(\.parts) == [0])
    }
}
