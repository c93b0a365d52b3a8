import RPCEngine
import Testing

@testable import InsightsWeb

struct LegacyTests {
    private func row(_ fields: [LegacyField: String]) -> LegacyRow {
        var row = LegacyRow(.office365, isSeller: true, day: "2026-01-02")
        for (field, text) in fields { row[field] = text }
        return row
    }

    @Test(arguments: [
        ("channel eq 'Reseller'", true), ("channel ne 'Reseller'", false), ("channel eq 'reseller'", false),
        ("channel eq 'x' or serviceCode eq 'o365'", true), ("channel eq 'x' and serviceCode eq 'o365'", false),
        ("serviceCode eq 'o365' or channel eq 'x' and channel eq 'y'", true),
        ("customerName eq 'It''s and ''so'''", true), ("processedDateTime eq '2026-01-02T00:00:00'", true),
    ])
    func filtersReadAsTheyAreWritten(text: String, passes: Bool) throws {
        let filter = try LegacyFilter(text, .deployment)
        #expect(filter.passes(row([.customerName: "It's and 'so'"])) == passes)
    }

    @Test func onlyOneCustomerIsAskedForByItsID() throws {
        func customer(_ text: String) throws -> String? { try LegacyFilter(text, .usage).customer }
        #expect(try customer("customerTenantId eq 'c' and channel ne 'x'") == "c")
        #expect(try customer("customerTenantId ne 'c'") == nil)
        #expect(try customer("customerTenantId eq 'c' or channel eq 'x'") == nil)
        // What would end the text that it is put in is left to the rows.
        #expect(try customer("customerTenantId eq 'c\" OR sold > 0'") == nil)
        #expect(try customer("customerTenantId eq 'c\\'") == nil)
        #expect(LegacyFilter().customer == nil)
    }

    /// Groups are held until the last row is read: the first that is too many ends the request.
    @Test func groupsAreBounded() throws {
        var selection = LegacySelection(try LegacyQuery("groupby=customerTenantId&top=1", .deployment), .deployment)
        for number in 0..<10_000 { try selection.take(row([.customerTenantId: "c\(number)"])) }
        // Of a group that is there may come as many rows as will.
        try selection.take(row([.customerTenantId: "c7"]))
        let refusal = #expect(throws: RPCStatus.self) { try selection.take(row([.customerTenantId: "one more"])) }
        #expect(refusal?.code == .invalidArgument)
        #expect(refusal?.message == "groupby gives more than 10000 groups: filter, or group by less")
    }

    @Test func anotherVerbIsRefusedInTheirForm() throws {
        let route = try #require(LegacyResources(scale: .percent).routes.first)
        func code(_ verb: String) -> String {
            let head = WebHead(method: verb, path: route.pattern.text)
            return String(decoding: route.refusal(RPCStatus(.unimplemented, "it is for GET"), head).body, as: UTF8.self)
        }
        #expect(code("POST").hasPrefix(#"{"code":405,"#) && code("").hasPrefix(#"{"code":405,"#))
        #expect(code("GET").hasPrefix(#"{"code":501,"#))
    }

    /// The day has another name here than in the method that is asked.
    @Test func aWrongDayIsToldByItsName() throws {
        let query = try LegacyQuery("processedDateTime=2026-13-01", .usage)
        let told = query.refusal(RPCStatus(.invalidArgument, "as_of is not a day"))
        #expect(told.code == .invalidArgument && told.message == "processedDateTime is not a day")
        #expect(query.refusal(RPCStatus(.notFound, "as_of")).message == "as_of")
    }

    @Test func jsonSaysEveryText() {
        var json = JSONText()
        json.object { json in
            json.field("a", "\"\\\u{1}\n</script>é\u{7F}")
            json.field("b", Int64?.none)
            json.field("c", Double.nan)
            json.array("d") { json in
                json.separate()
                json.object { $0.null("e") }
                json.separate()
                json.object { _ in }
            }
            json.field("f", 1.5)
        }
        #expect(
            String(decoding: json.bytes, as: UTF8.self)
                == #"{"a":"\"\\\u0001\u000a\u003c/script>é\u007f","d":[{"e":null},{}],"f":1.5}"#)
    }
}
