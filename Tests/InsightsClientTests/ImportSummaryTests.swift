import ImportFormats
import InsightsAPI
import LicenseModel
import Testing

@testable import insights

@Suite struct ImportSummaryTests {
    private func summary(_ text: String, kind: ImportKind = .facts, sent: ImportOutcome?) throws -> ImportSummary {
        var options = ImportOptions(today: Day(number: 20_544))
        options.customerID = "c"
        let plan = ImportPlan(kind: kind, files: [InputFile(name: "f", bytes: Array(text.utf8))], options: options)
        return ImportSummary(kind: kind, inspection: try plan.inspect(), sent: sent)
    }

    private let fact = #"{"user": {"customer_id": "c", "user_id": "u", "display_name": "Anna"}}"#

    @Test func oneIsSingularAndNothingIsSaid() throws {
        let header = "Report Refresh Date,User Principal Name,Teams Last Activity Date\n"
        let cases: [(String, ImportKind, ImportOutcome?, String)] = [
            (fact, .facts, nil, "facts: 1 row, 1 fact\nchecked; nothing was sent\n"),
            (fact, .facts, .init(batches: 1, revision: 7), "facts: 1 row, 1 fact\nimported in 1 batch, revision 7\n"),
            (
                fact + "\n" + fact, .facts, .init(batches: 2, duplicates: 1, revision: 7),
                "facts: 2 rows, 2 facts\nimported in 2 batches, 1 of them known before, revision 7\n"
            ),
            (
                fact, .facts, .init(batches: 1, duplicates: 1),
                "facts: 1 row, 1 fact\nnothing new: the batch had been imported before\n"
            ),
            (
                fact, .facts, .init(batches: 2, duplicates: 2),
                "facts: 1 row, 1 fact\nnothing new: all 2 batches had been imported before\n"
            ),
            (header, .graphActiveUsers, .init(), "graph-active-users: 0 rows, 0 facts\nthere was nothing to import\n"),
        ]
        for (input, kind, sent, text) in cases {
            #expect(try summary(input, kind: kind, sent: sent).text() == text)
        }
    }

    @Test func namesOfCountsAreSingularToo() throws {
        #expect(try summary(users(), kind: .graphUsers, sent: nil).text().contains("  1 user\n"))
    }

    private func users(nobody: Int = 0) -> String {
        let nobody = String(repeating: #"{"userPrincipalName": null, "assignedLicenses": []},\#n"#, count: nobody)
        let license = #"{"skuId": "6fd2c87f-b296-42f0-b197-1e91e994b900"}"#
        return #"[\#(nobody){"userPrincipalName": "a@x", "assignedLicenses": [\#(license)]}]"#
    }

    @Test func whatWasLeftOutIsNamedByLine() throws {
        let summary = try summary(users(nobody: 12), kind: .graphUsers, sent: nil)
        #expect(summary.text().contains("  left out: 12 × a row that names nobody\n"))
        let lines = summary.leftOutLines
        #expect(lines.count == 11)
        #expect(lines.first == "f:1:24: left out: a row that names nobody: “”")
        #expect(lines.last == "left out: a row that names nobody: 2 more")
        let json = try summary.json()
        #expect(json.contains(#""reason" : "a row that names nobody""#))
        #expect(json.contains(#""count" : 12"#))
        #expect(json.contains(#""line" : 10"#))
        #expect(!json.contains(#""line" : 11"#))
    }

    @Test func whatTheServerMadeOfItIsSummedOverTheBatches() throws {
        var effects = ImportEffects()
        for (ended, skus) in [(1, ["b", "a"]), (0, ["b"]), (2, [])] as [(Int64, [String])] {
            var batch = PBBatchEffects()
            batch.subscriptionsEnded = ended
            batch.sellersChanged = ended
            batch.peopleMerged = 1
            batch.uncataloguedSkuIds = skus
            batch.uncataloguedSkuCount = Int64(skus.count)
            effects.add(batch)
        }
        let sent = ImportOutcome(batches: 3, revision: 7, effects: effects)
        let summary = try summary(fact, sent: sent)
        #expect(
            summary.text() == """
                facts: 1 row, 1 fact
                  3 subscriptions ended: in service before, and no longer in the list
                  3 subscriptions moved to another seller, for every day
                  3 people merged with another one
                  2 SKUs not in the catalog, so that no figure has them: a, b
                imported in 3 batches, revision 7

                """)
        let json = try summary.json()
        #expect(json.contains(#""subscriptions_ended" : 3"#))
        #expect(json.contains(#""uncatalogued_sku_count" : 2"#))
    }

    @Test func coverageMovesOnlyWhatIsBehind() {
        var known = PBCustomerCoverage()
        known.sources = [
            .with {
                $0.source = .assignments; $0.through = "2026-03-10"
            }
        ]
        known.workloads = [
            .with {
                $0.workloadCode = "EXO"; $0.through = "2026-03-20"
            },
            .with {
                $0.workloadCode = "SPO"; $0.through = "2026-03-01"
            },
        ]
        let fact = { (source: PBSource, through: String, codes: [String]) in
            PBFact.with {
                $0.coverage = .with {
                    $0.source = source; $0.through = through; $0.workloadCodes = codes
                }
            }
        }
        let ahead = CoverageAhead(of: known)
        let same = fact(.assignments, "2026-03-10", [])
        #expect(ahead.split([same]).facts == [same])
        #expect(ahead.split([fact(.assignments, "2026-03-09", [])]).facts.isEmpty)
        #expect(ahead.split([fact(.assignments, "2026-03-09", [])]).kept.count == 1)
        let mixed = ahead.split([fact(.activity, "2026-03-10", ["EXO", "SPO", "TEAMS"])])
        #expect(mixed.facts == [fact(.activity, "2026-03-10", ["SPO", "TEAMS"])])
        #expect(mixed.kept.map { $0.hasSuffix("2026-03-20 (EXO)") } == [true])
    }

    @Test func machinesGetTheNotesAndWhatWasRead() throws {
        let checked = try summary(fact, sent: nil)
        #expect(
            checked.rows == [
                ["rows_read", "facts_read", "batches", "duplicates", "facts", "revision"], ["1", "1", "", "", "", ""],
            ])
        #expect(
            try checked.json() == """
                {
                  "facts_read" : 1,
                  "left_out" : [

                  ],
                  "notes" : [

                  ],
                  "rows_read" : 1
                }

                """)
        let sent = try summary(fact, sent: .init(batches: 1, facts: 1, revision: 9))
        #expect(sent.rows.last == ["1", "1", "1", "0", "1", "9"])
        #expect(try sent.json().contains("\"revision\" : 9"))
    }
}
