import InsightsAPI
import Testing

@testable import ImportFormats

/// The header and two rows of a report, cell by cell.
private let cells = [
    ["Report Refresh Date", "User Principal Name", "Display Name", "Is Deleted", "Teams Last Activity Date"],
    ["2026-03-02", "a@x", "Ada", "False", "2026-03-01"],
    ["2026-03-02", "b@x", "Ben", "False", ""],
]

@Suite struct TableFormTests {
    private func text(_ separator: String, end: String = "\n", isQuoted: Bool = false) -> String {
        cells.map { row in row.map { isQuoted ? "\"\($0)\"" : $0 }.joined(separator: separator) + end }.joined()
    }

    private func people(_ text: String) throws -> [String] {
        try run(.graphActiveUsers, [input(text)], options()).0.facts.compactMap {
            if case .user(let user) = $0.fact { user.userID } else { nil }
        }
    }

    private func refusal(_ text: String) -> String {
        problem(.graphActiveUsers, [input(text, name: "a.csv")], options())
    }

    @Test(arguments: [",", ";", "\t", "|"], ["\n", "\r\n", "\r"])
    func `separators, line ends and quotes in every combination`(separator: String, end: String) throws {
        for isQuoted in [false, true] {
            let table = text(separator, end: end, isQuoted: isQuoted)
            let before = ["", "sep=\(separator)\(end)", "\"sep=\(separator)\"\(end)", "#TYPE Custom\(end)", end + end]
            for start in before {
                #expect(try people(start + table) == ["a@x", "b@x"], "\(start)")
                #expect(try people("\u{FEFF}" + start + table + end + end) == ["a@x", "b@x"])
            }
            // Files that were put together bring their first lines along.
            #expect(try people(table + "\u{FEFF}" + table) == ["a@x", "b@x", "a@x", "b@x"])
            #expect(try people("#TYPE X" + end + table + "#TYPE X" + end + table).count == 4)
            let blank = Array(repeating: "", count: 5).joined(separator: separator) + end
            #expect(try people(blank + table + blank + " " + blank) == ["a@x", "b@x"])
        }
    }

    @Test func `lines before the header count in a message`() {
        let bad = text(";").replacing("2026-03-01", with: "soon")
        #expect(refusal("sep=;\r\n" + bad).hasPrefix("a.csv:3:26: teams last activity date “soon” is not a date"))
        #expect(refusal("#TYPE X\r\n\r\n" + bad).hasPrefix("a.csv:4:26: "))
        #expect(refusal("sep=:\n" + bad) == "a.csv:1:5: the separator is not a comma, semicolon, tab or bar")
    }

    @Test func `column names ignore case, blanks and the way they are joined`() throws {
        let camel = text(",").replacing("Report Refresh Date", with: "reportRefreshDate")
            .replacing("User Principal Name", with: "user_principal_name").replacing(
                "Teams Last Activity Date", with: "TEAMS  LAST ACTIVITY\u{A0}DATE")
        #expect(try people(camel) == ["a@x", "b@x"])
    }

    @Test func `a column may occur twice unless it is read`() throws {
        let rows = { (name: String) in
            cells.enumerated().map { index, row in
                (row + (index == 0 ? [name, name] : ["", ""])).joined(separator: ",") + "\n"
            }.joined()
        }
        #expect(try people(rows("Copilot Chat Last Activity Date")) == ["a@x", "b@x"])
        #expect(
            refusal(rows("userPrincipalName")) == "a.csv:1:108: the column “user principal name” occurs twice")
        #expect(refusal(rows("displayName")).contains("the column “display name” occurs twice"))
    }

    @Test func `a row that is cut or too long is refused with its line`() {
        #expect(refusal(text(",") + "2026-03-02,c@x") == "a.csv:4:1: the row has 2 fields, the header has 5")
        #expect(refusal(text(",") + "2026-03-02,c@x,,,,,\n") == "a.csv:4:1: the row has 7 fields, the header has 5")
        #expect(refusal(text(",") + "2026-03-02,\"c@x").contains("is the file cut short?"))
    }

    @Test(arguments: [
        ("Report Refresh Date,User Principal Name,Team Chat Message Count\n", "this is the report getTeams"),
        ("Product_Display_Name,String_Id,GUID,Service_Plan_Name\n", "import it as sku-table"),
        ("User principal name,Display name,Licenses\n", "this is a list of users"),
        ("[1]", "a.csv:1:2: an element of the list must be an object, not a number"),
    ])
    func `another file is named`(text: String, expected: String) {
        #expect(refusal(text).contains(expected))
    }

    @Test(arguments: [
        "3/31/2026", "31-03-2026", "31.03.2026", "2026/03/31", "3/1/26", "3/1/2026 9:00:00 AM", "Mar 1, 2026",
    ])
    func `days by locale are refused by name with the place`(day: String) {
        let table = text(";").replacing("2026-03-01", with: day)
        #expect(
            refusal(table).hasPrefix("a.csv:2:26: teams last activity date \(day.excerpt) is a date by locale"))
        #expect(refusal(table).contains("YYYY-MM-DD"))
        #expect(refusal(text(";").replacing("2026-03-01", with: "46082")).contains("serial number of a spreadsheet"))
    }

    @Test func `the report as JSON gives the same rows`() throws {
        let keys = [
            cells[0], ["reportRefreshDate", "userPrincipalName", "displayName", "isDeleted", "teamsLastActivityDate"],
        ]
        let expected = try run(.graphActiveUsers, [input(text(","))], options()).0.facts
        for names in keys {
            let objects = cells.dropFirst().map { row in
                "{" + zip(names, row).map { "\"\($0)\":" + ($1.isEmpty ? "null" : "\"\($1)\"") }.joined(separator: ",")
                    + "}"
            }
            let list = objects.joined(separator: ",")
            for form in ["[\(list)]", "{\"value\":[\(list)]}", objects.joined(separator: "\n")] {
                #expect(try run(.graphActiveUsers, [input(form)], options()).0.facts == expected, "\(form)")
            }
        }
    }
}
