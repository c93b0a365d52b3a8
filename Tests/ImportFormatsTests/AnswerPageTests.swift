import InsightsAPI
import LicenseModel
import Testing

@testable import ImportFormats

/// Single answers of an API, for whoever asks for them one by one.
@Suite struct AnswerPageTests {
    private let row = #"{"userPrincipalName":"a@x","assignedLicenses":[]}"#

    private func problem(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no problem"
        } catch {
            return "\(error)"
        }
    }

    @Test func `the address of the next page, as it is`() throws {
        let next = #"https://graph.example/v1.0/users?$skiptoken=a%20b&x=\"/é\u0041"#
        let page = try AnswerPage(input(#"{"@odata.nextLink":"\#(next)","value":[\#(row),\#(row)]}"#), as: .graphUsers)
        #expect(page.nextAddress == #"https://graph.example/v1.0/users?$skiptoken=a%20b&x="/éA"#)
        // After the list too.
        let after = try AnswerPage(input(#"{"value":[],"@odata.nextLink":"x"}"#), as: .graphUsers)
        #expect(after.nextAddress == "x")
    }

    @Test(arguments: [
        #"{"value":[]}"#, #"{"value":[],"@odata.nextLink":null}"#, #"{"value":[],"@odata.nextLink":""}"#, "[]",
    ])
    func `the last page has none`(text: String) throws {
        let page = try AnswerPage(input(text), as: .graphUsers)
        #expect(page.nextAddress == nil)
    }

    @Test func `a link that is no text leads nowhere, and does not end the list`() throws {
        for link in [#""@odata.nextLink":{"uri":"x"}"#, #""links":{"next":{"uri":"x"}}"#] {
            #expect(try AnswerPage(input(#"{"value":[],\#(link)}"#), as: .graphUsers).nextAddress == "")
        }
    }

    @Test func `what is no page is named with its file`() {
        let page = { (text: String) in
            problem { _ = try AnswerPage(input(text, name: "users-1.json"), as: .graphUsers) }
        }
        #expect(page("") == "users-1.json: the file is empty")
        #expect(page(#"{"value":[\#(row)"#).hasPrefix("users-1.json:1:"))
        #expect(page("<html>").hasPrefix("users-1.json: the file is a web page"))
        #expect(page(#"{"error":{"code":"TooBig"}}"#).contains("is an error of the API, not its answer: “TooBig”"))
        #expect(page(#"[{"skuId":"x","totalLicenses":1}]"#).contains("Graph's directory/subscriptions"))
        #expect(page(String(repeating: #"{"value":["#, count: 100_000)) != "no problem")
    }

    @Test func `customers of both lists`() throws {
        let other = "7D1A0B54-1F6E-4D0A-9A53-3A1B7F1C0002"
        let text = """
            {"value":[{"id":"\(other)","customerId":"\(tenant)","displayName":" Fabri\\u0007kam ","contractType":"x"},
            {"id":"\(tenant)","tenantId":"\(other)"}],"@odata.nextLink":"next"}
            """
        let (customers, _, page) = try ListedCustomer.page(of: input(text))
        #expect(page.nextAddress == "next")
        #expect(customers.map(\.tenantID) == [tenant, other.lowercased()])
        #expect(customers.map(\.name) == ["Fabri kam", ""] || customers.map(\.name) == ["Fabrikam", ""])
    }

    @Test func `a name is cut to what names may be`() throws {
        for letter in ["x", "é", "👩‍👩‍👧", "e\u{301}"] {
            let name = String(repeating: letter, count: 2_000)
            let text = #"[{"tenantId":"\#(tenant)","displayName":"\#(name)"}]"#
            let found = try #require(try ListedCustomer.page(of: input(text)).customers.first)
            #expect(name.hasPrefix(found.name) && !found.name.isEmpty)
            #expect(found.name.fitsName && !(found.name + letter).fitsName)
        }
    }

    @Test func `customers that are none`() throws {
        let list = { (text: String) in try ListedCustomer.page(of: input(text, name: "contracts-1.json")) }
        let good = #"{"tenantId":"\#(tenant)"}"#
        for bad in [
            #"{"displayName":"x"}"#, #"{"customerId":null}"#, #"{"customerId":"fabrikam"}"#, #"{"tenantId":"../../x"}"#,
            #"{"tenantId":7}"#,
        ] {
            let page = try list("[\(bad),\(good)]")
            #expect(page.customers.map(\.tenantID) == [tenant] && page.leftOut.count == 1)
        }
        let many = try list("[" + Array(repeating: #"{"displayName":"x"}"#, count: 20).joined(separator: ",") + "]")
        #expect(many.customers.isEmpty && many.leftOut.count == 10)
        #expect(problem { _ = try list(#"[7]"#) }.hasPrefix("contracts-1.json:1:2: "))
    }

    @Test func `the day of a report`() throws {
        let header = "Report Refresh Date,User Principal Name,Teams Last Activity Date\n"
        let refreshDay = { (text: String) in try ReportDay.refreshDay(of: input(text, name: "a.csv")) }
        #expect(try refreshDay(header + "2026-03-02,a@x,\n2026-03-05,b@x,\n") == day("2026-03-02"))
        #expect(try refreshDay("\u{FEFF}" + header + "2026-03-02,a@x,\n") == day("2026-03-02"))
        #expect(try refreshDay(header) == nil)
        #expect(problem { _ = try refreshDay("") } != "no problem")
        #expect(problem { _ = try refreshDay("<html></html>") }.hasPrefix("a.csv: the file is a web page"))
        #expect(problem { _ = try refreshDay("Report Refresh Date,Send Count\n") }.hasPrefix("a.csv:1"))
        #expect(problem { _ = try refreshDay(header + ",a@x,\n") } == "a.csv:2:1: report refresh date is empty")
        #expect(problem { _ = try refreshDay(header + "3/2/2026,a@x,\n") }.hasPrefix("a.csv:2:1: report refresh date"))
    }

    @Test func `a report without rows is of the day that was asked for`() throws {
        let header = "Report Refresh Date,User Principal Name,Teams Last Activity Date\n"
        let undated = options { $0.date = nil }
        func coverage(_ files: [(String, String?)], _ options: ImportOptions) throws -> [String] {
            let files = files.map { text, asked in
                var file = input(text)
                file.day = asked.map { day($0) }
                return file
            }
            return try run(.graphActiveUsers, files, options).1.coverage.map {
                "\($0.workloadCodes.joined()) \($0.through)"
            }
        }
        #expect(try coverage([(header, "2026-03-09")], undated) == ["TEAMS 2026-03-09"])
        // Not the day of the import.
        #expect(try coverage([(header, "2026-03-09")], options()) == ["TEAMS 2026-03-09"])
        #expect(try coverage([(header, nil)], undated).isEmpty)
        #expect(try coverage([(header, "2026-03-08"), (header, "2026-03-09")], undated) == ["TEAMS 2026-03-09"])
        // A row knows better.
        #expect(try coverage([(header + "2026-03-02,a@x,\n", "2026-03-01")], undated) == ["TEAMS 2026-03-02"])
        #expect(
            try coverage([(header + "2026-03-02,a@x,\n", "2026-03-02"), (header, "2026-03-03")], undated)
                == ["TEAMS 2026-03-03"])
    }
}
