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
        let users = #"[{"userPrincipalName": "a@x", "assignedLicenses": []}]"#
        #expect(try summary(users, kind: .graphUsers, sent: nil).text().contains("  1 user\n"))
    }

    @Test func machinesGetTheNotesAndWhatWasRead() throws {
        let checked = try summary(fact, sent: nil)
        #expect(
            checked.rows == [
                ["rows_read", "facts_read", "batches", "duplicates", "facts", "revision"], ["1", "1", "", "", "", ""],
            ])
        #expect(
            try checked.json() == "{\n  \"facts_read\" : 1,\n  \"notes\" : [\n\n  ],\n  \"rows_read\" : 1\n}\n")
        let sent = try summary(fact, sent: .init(batches: 1, facts: 1, revision: 9))
        #expect(sent.rows.last == ["1", "1", "1", "0", "1", "9"])
        #expect(try sent.json().contains("\"revision\" : 9"))
    }
}
