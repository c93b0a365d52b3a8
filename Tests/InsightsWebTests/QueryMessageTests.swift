import InsightsAPI
import RPCEngine
import Testing

@testable import InsightsWeb

struct QueryMessageTests {
    static func bytes(_ pattern: String, _ variables: [String: String] = [:], _ query: String) throws -> [UInt8] {
        let route = try #require(HTTPRoute.all.first { $0.pattern == pattern })
        return try QueryMessage.bytes(of: route, variables: variables, query: query)
    }

    @Test func everyKindOfField() throws {
        let list = try PBListCustomerInsightsRequest(
            serializedBytes: Self.bytes(
                "/v1/insights", [:],
                "as_of=2024-03-31&scope=LICENSE_SCOPE_OWN&products=PRODUCT_OFFICE_365&products=2&"
                    + "filter=usage+%3C+40+AND+sold+%3E%3D+25&orderBy=usage%20desc&pageSize=-7&"
                    + "min_revision=18446744073709551615"))
        #expect(list.asOf == "2024-03-31" && list.scope == .own && list.products == [.office365, .dynamics365])
        #expect(list.filter == "usage < 40 AND sold >= 25" && list.orderBy == "usage desc")
        #expect(list.pageSize == -7 && list.minRevision == .max)
        let export = try PBExportInsightsRequest(
            serializedBytes: Self.bytes("/v1/export.csv", [:], "byte_order_mark=true&languageCode=nl"))
        #expect(export.byteOrderMark && export.languageCode == "nl")
        #expect(
            try !PBExportInsightsRequest(
                serializedBytes: Self.bytes("/v1/export.csv", [:], "byteOrderMark=false")
            ).byteOrderMark)
    }

    @Test func variablesAndWhatIsEmpty() throws {
        let trend = try PBGetTrendRequest(
            serializedBytes: Self.bytes(
                "/v1/customers/{customer_id}/trend", ["customer_id": "a/b"], "&&workload_code=&end_date&"))
        #expect(trend.customerID == "a/b" && trend.workloadCode.isEmpty && trend.endDate.isEmpty)
        #expect(try Self.bytes("/v1/me", [:], "").isEmpty)
        // A value may hold what divides others, and any text.
        let odd = try PBListCustomersRequest(
            serializedBytes: Self.bytes("/v1/customers", [:], "filter=a=b%26c%3Dd%00%C3%B6"))
        #expect(odd.filter == "a=b&c=d\0ö")
    }

    /// The field, and what is wrong with it.
    @Test(
        arguments: [
            ("customer_id=C", "customer_id", "is no parameter"), ("asof=1", "asof", "is no parameter"),
            ("as_of=1&As_Of=2", "As_Of", "is no parameter"), ("=1", "query", "is no parameter"),
            ("%3D=1", "=", "is no parameter"), ("products[]=1", "products[]", "is no parameter"),
            ("%FF=1", "query", "has a name that is no text"), ("%=1", "query", "has a name that is no text"),
            ("ö=1", "query", "has a name that is no text"), ("as_of=%FF", "as_of", "is no text in UTF-8"),
            ("as_of=%", "as_of", "is no text in UTF-8"), ("as_of=%ED%A0%80", "as_of", "is no text in UTF-8"),
            ("as_of=1&as_of=1", "as_of", "is given more than once"),
            ("as_of=1&asOf=1", "as_of", "is given more than once"),
            ("page_size=", "page_size", "is no whole number of 32 bits"),
            ("page_size=1.0", "page_size", "is no whole number of 32 bits"),
            ("page_size=+1", "page_size", "is no whole number of 32 bits"),
            ("page_size=%2B1", "page_size", "is no whole number of 32 bits"),
            ("page_size=01", "page_size", "is no whole number of 32 bits"),
            ("page_size=-0", "page_size", "is no whole number of 32 bits"),
            ("page_size=1e3", "page_size", "is no whole number of 32 bits"),
            ("page_size=0x10", "page_size", "is no whole number of 32 bits"),
            ("page_size=%D9%A1", "page_size", "is no whole number of 32 bits"),
            ("page_size=2147483648", "page_size", "is no whole number of 32 bits"),
            ("minRevision=-1", "min_revision", "is no whole number from 0 to 18446744073709551615"),
            ("minRevision=18446744073709551616", "min_revision", "is no whole number from 0 to 18446744073709551615"),
            (
                "scope=own", "scope",
                "is none of LICENSE_SCOPE_UNSPECIFIED, LICENSE_SCOPE_OWN, LICENSE_SCOPE_ALL_PARTNERS"
            ),
            (
                "products=PRODUCT_OFFICE_365,PRODUCT_DYNAMICS_365", "products",
                "is none of PRODUCT_UNSPECIFIED, PRODUCT_OFFICE_365, PRODUCT_DYNAMICS_365"
            ),
        ])
    func whatIsWrong(_ query: String, _ field: String, _ reason: String) throws {
        let error = #expect(throws: QueryMessage.Refusal.self) { try Self.bytes("/v1/insights", [:], query) }
        #expect(error?.field == field && error?.reason == reason)
        let status = try #require(error?.status)
        #expect(status.code == .invalidArgument && status.message == "\(field) \(reason)")
        let (detail, more) = try Self.violation(status)
        #expect(detail.field == field && detail.description_p == reason && !more)
    }

    static func violation(_ status: RPCStatus) throws -> (Google_Rpc_BadRequest.FieldViolation, more: Bool) {
        let said = try Google_Rpc_Status(serializedBytes: status.details)
        let bad = try Google_Rpc_BadRequest(serializedBytes: try #require(said.details.first).value)
        return (try #require(bad.fieldViolations.first), bad.fieldViolations.count + said.details.count != 2)
    }

    @Test func boolsAreWords() {
        for text in ["", "1", "0", "TRUE", "yes", "true%20"] {
            #expect(throws: QueryMessage.Refusal.self, "\(text)") {
                try Self.bytes("/v1/export.csv", [:], "byte_order_mark=\(text)")
            }
        }
        // The path says it.
        #expect(throws: QueryMessage.Refusal.self) { try Self.bytes("/v1/export.csv", [:], "format=EXPORT_FORMAT_CSV") }
    }

    /// Of what was sent little is repeated, and much of it costs little.
    @Test func longOnes() throws {
        let name = String(repeating: "a%CC%81", count: 1_000)
        let error = #expect(throws: QueryMessage.Refusal.self) { try Self.bytes("/v1/insights", [:], "\(name)=1") }
        #expect(error?.field.unicodeScalars.count == 64)
        let many = String(repeating: "products=1&", count: 740)
        let list = try PBListCustomerInsightsRequest(serializedBytes: Self.bytes("/v1/insights", [:], many))
        #expect(list.products.count == 740)
    }
}
