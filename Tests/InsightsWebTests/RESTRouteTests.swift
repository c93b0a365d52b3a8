import InsightsAPI
import RPCEngine
import Testing

@testable import InsightsWeb

struct RESTRouteTests {
    @Test(
        arguments: [
            ("/v1/portfolio", .getPortfolioInsights, []), ("/v1/portfolio/trend", .getTrend, []),
            ("/v1/portfolio/comparison", .compareLicenses, []), ("/v1/portfolio/explanation", .explainUsage, []),
            ("/v1/portfolio/recommendations", .listRecommendations, []), ("/v1/customers", .listCustomers, []),
            ("/v1/customers/C", .getCustomer, ["C"]), ("/v1/customers/C/insights", .getCustomerInsights, ["C"]),
            ("/v1/customers/C/trend", .getTrend, ["C"]), ("/v1/customers/C/comparison", .compareLicenses, ["C"]),
            ("/v1/customers/C/explanation", .explainUsage, ["C"]),
            ("/v1/customers/C/recommendations", .listRecommendations, ["C"]),
            ("/v1/customers/C/subscriptions", .listSubscriptions, ["C"]),
            ("/v1/customers/C/users", .listLicensedUsers, ["C"]), ("/v1/insights", .listCustomerInsights, []),
            ("/v1/export.csv", .exportInsights, []), ("/v1/export.jsonl", .exportInsights, []),
            ("/v1/me", .whoAmI, []), ("/v1/audit", .listAuditEvents, []),
            // Each segment is decoded once, and a plus of a path is a plus.
            ("/v1/customers/a%2Fb/users", .listLicensedUsers, ["a/b"]), ("/v1/%63ustomers", .listCustomers, []),
            ("/v1/customers/a%252Fb", .getCustomer, ["a%2Fb"]), ("/v1/customers/a+b%20c", .getCustomer, ["a+b c"]),
            ("/v1/customers/%2e%2e%2e", .getCustomer, ["..."]), ("/v1/customers/S%C3%B6hne", .getCustomer, ["Söhne"]),
            ("/v1/customers/insights/insights", .getCustomerInsights, ["insights"]),
        ] as [(String, Method, [String])])
    func whatIsThere(_ path: String, _ method: Method, _ variables: [String]) throws {
        let found = try #require(RESTForms.route(of: path))
        #expect(found.route.method == method && Array(found.variables.values) == variables)
    }

    @Test(arguments: [
        "", "/", "/v1", "/v1/", "/v1//", "/v2/me", "/v1/ME", "/v1/me/", "/v1//me", "//v1/me", "/v1/customers/",
        "/v1/customers//insights", "/v1/customers/./insights", "/v1/customers/../me", "/v1/customers/%2E%2e/insights",
        "/v1/customers/%2e", "/v1/customers/a%00b", "/v1/customers/%", "/v1/customers/%4", "/v1/customers/%zz",
        "/v1/customers/%FF", "/v1/customers/%C0%AF", "/v1/customers/ö", "/v1%2Fme", "/v1/customers%2FC",
        "/v1/customers/a/b/insights", "/v1/customers/C/Insights", "/v1/customers/C/insights/", "/v1/portfolio/users",
        "/v1/customers/C/insights;v=1", "/v1/customers" + String(repeating: "/a", count: 4_000),
        "/v1" + String(repeating: "/", count: 8_000), "/V1/me", "/v1/me%20", "/v1/customers/{customer_id}/",
    ])
    func whatIsNot(_ path: String) { #expect(RESTForms.route(of: path) == nil) }

    /// No path has two routes, and each method of a route only reads.
    @Test func routesAreApart() {
        for (index, route) in HTTPRoute.all.enumerated() {
            #expect(route.method.onlyReads || route.method == .exportInsights)
            #expect(route.path.map(\.name) == (route.pattern.contains("{") ? ["customer_id"] : []))
            for other in HTTPRoute.all[..<index] {
                let segments = PathPattern.segments(of: other.pattern) ?? []
                #expect(PathPattern(route.pattern).variables(in: segments) == nil, "\(route.pattern) \(other.pattern)")
            }
        }
    }

    static func head(_ method: String, _ path: String) -> WebHead {
        WebHead(method: method, path: path)
    }

    @Test func otherVerbsAreToldOfGet() throws {
        for method in ["POST", ""] {
            guard case .refused(let status, let response) = RESTForms.form(of: Self.head(method, "/v1/me")) else {
                Issue.record("\(method) is answered")
                continue
            }
            #expect(status.code == .unimplemented && response.status == 405)
            #expect(response.headers.contains { $0 == ("allow", "GET") })
        }
    }

    @Test func whoAnswersWhat() {
        let forms = WebSite(connect: ConnectHandler(), routes: []) { _, _, _ in nil }
        if case .call("/partner.insights.v1.AccessService/WhoAmI", nil, _) = forms.form(of: Self.head("GET", "/v1/me"))
        {
        } else {
            Issue.record("no call")
        }
        for path in ["/v1/", "/v1/nothing", "/v1/customers/%00"] {
            if case .refused(let status, let response) = forms.form(of: Self.head("GET", path)) {
                #expect(status.code == .notFound && response.status == 404)
            } else {
                Issue.record("\(path) is answered")
            }
        }
        // Nobody's: as without the web.
        for path in ["/", "/v1", "/v2/me", "/partner.insights.v1.AccessService/WhoAmI"] {
            #expect(forms.form(of: Self.head("GET", path)) == nil)
        }
        let without = WebSite(connect: nil, routes: []) { _, _, _ in nil }
        for path in ["/v1/me", "/v1/nothing"] { #expect(without.form(of: Self.head("GET", path)) == nil) }
    }
}
