import Foundation
import Testing

@testable import GraphSync

struct SyncConfigurationTests {
    private typealias Example = ExampleConfiguration

    @Test func theExampleOfTheDesign() throws {
        let example = try Example()
        let configuration = try example.load()
        #expect(configuration.partnerID == "contoso-reseller")
        #expect(configuration.partnerTenant == Example.partner)
        #expect(configuration.clientID == "7f0c…")
        guard case .secret(Example.secret) = configuration.credential else {
            Issue.record("another credential")
            return
        }
        #expect(configuration.login == "https://login.microsoftonline.com")
        #expect(configuration.graph == "https://graph.microsoft.com")
        #expect(configuration.authoritiesFile == nil)
        #expect(configuration.customers == .contracts)
        #expect(
            configuration.partnerTenants == [
                "673c3bdc-2b51-538b-8364-063972b52b87": "fabrikam-cloud", Example.partner: "contoso-reseller",
            ])
        #expect(configuration.stateFolder == example.folder.file("contoso-state"))
    }

    @Test func defaults() throws {
        var example = try Example()
        for key in ["endpoints", "customers", "partner_tenants"] { example.set(key, nil) }
        let configuration = try example.load()
        #expect(configuration.login == "https://login.microsoftonline.com")
        #expect(configuration.graph == "https://graph.microsoft.com")
        #expect(configuration.customers == .contracts)
        #expect(configuration.partnerTenants == [Example.partner: "contoso-reseller"])
        // A null is no value.
        for key in ["endpoints", "customers", "partner_tenants", "state"] { example.set(key, NSNull()) }
        #expect(try example.load().customers == .contracts)
    }

    // MARK: What is refused

    @Test(arguments: [
        "region", "partner.name", "application.client_secret", "endpoints.token", "endpoints.", "Customers",
        "application.Key",
    ])
    func anUnknownKeyIsNamedByItsPath(_ path: String) throws {
        var example = try Example()
        if path.hasSuffix(".") {
            example.set("endpoints", ["": "x"])
        } else {
            example.set(path, "x")
        }
        #expect(try example.complaint().hasPrefix("\(path) is no key of the configuration; known are "))
    }

    @Test func anUnknownKeyOfACustomer() throws {
        let list = [["tenant_id": Example.tenant], ["tenant_id": Example.otherTenant, "tenant": "x"]]
        #expect(
            try Example.complaint("customers", list)
                == "customers[1].tenant is no key of the configuration; known are customer_id, market, name, tenant_id")
    }

    private static let customersKind =
        "customers must be “contracts”, “delegatedAdminCustomers” or a list of customers"

    @Test(arguments: [
        ("partner", #""x""#, "partner is not an object"), ("application", "[]", "application is not an object"),
        ("endpoints", "7", "endpoints is not an object"),
        ("partner_tenants", #"["x"]"#, "partner_tenants is not an object"),
        ("partner.partner_id", "7", "partner.partner_id is not a text"),
        ("partner.partner_id", #""""#, "partner.partner_id is not a text"),
        ("partner.tenant_id", "true", "partner.tenant_id is not a text"),
        ("application.client_id", #"["x"]"#, "application.client_id is not a text"),
        ("application.client_secret_file", "1.5", "application.client_secret_file is not a text"),
        ("endpoints.graph", #"{"a":"b"}"#, "endpoints.graph is not a text"),
        ("endpoints.ca", "false", "endpoints.ca is not a text"), ("state", "7", "state is not a text"),
        ("customers", #""all""#, customersKind), ("customers", "true", customersKind),
        ("customers", "{}", customersKind),
        ("customers", #"["x"]"#, "customers[0] is not an object"),
        ("customers", #"[{"tenant_id":7}]"#, "customers[0].tenant_id is not a text"),
        ("customers", "[{}]", "customers[0].tenant_id is missing"),
    ])
    func anotherKindOfValue(_ path: String, _ json: String, _ expected: String) throws {
        let value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: [.fragmentsAllowed])
        #expect(try Example.complaint(path, value) == expected)
    }

    @Test(arguments: ["partner", "application", "partner.partner_id", "partner.tenant_id", "application.client_id"])
    func whatMustBeThere(_ path: String) throws {
        #expect(try Example.complaint(path, nil) == "\(path) is missing")
        #expect(try Example.complaint(path, NSNull()) == "\(path) is missing")
    }

    @Test(arguments: [
        "http://graph.microsoft.com", "graph.microsoft.com", "ftp://graph.microsoft.com", "https://", "https:///",
        "https://me@graph.microsoft.com", "https://graph.microsoft.com/#x", "https://graph.microsoft.com?x=1",
        "https://graph.microsoft.com:0", "https://graph.microsoft.com:99999", "https://graph microsoft.com",
        "https://gräph.microsoft.com", "https://graph.microsoft.com\n", "https:graph.microsoft.com",
    ])
    func endpointsAreHTTPS(_ address: String) throws {
        for key in ["login", "graph"] {
            let complaint = try Example.complaint("endpoints.\(key)", address)
            #expect(complaint.hasPrefix("endpoints.\(key) “"))
            #expect(complaint.hasSuffix("” is not an address that begins with https://"))
        }
    }

    @Test func slashesAtTheEndDoNotMatter() throws {
        var example = try Example()
        example.set("endpoints.graph", "HTTPS://graph.example:8443/beta//")
        #expect(try example.load().graph == "HTTPS://graph.example:8443/beta")
    }

    @Test func tenantsAreGUIDs() throws {
        for wrong in [
            "contoso.example", "06c81bb0-9af4-5cb1-9ded-dd8e6d87c00", "06c81bb09af45cb19deddd8e6d87c007", "../x",
        ] {
            #expect(
                try Example.complaint("partner.tenant_id", wrong)
                    == "partner.tenant_id “\(wrong)” is not a tenant id (GUID)")
            #expect(
                try Example.complaint("customers", [["tenant_id": wrong]])
                    == "customers[0].tenant_id “\(wrong)” is not a tenant id (GUID)")
            #expect(
                try Example.complaint("partner_tenants", [wrong: "x"])
                    == "partner_tenants: “\(wrong)” is not a tenant id (GUID)")
        }
        var example = try Example()
        example.set("partner.tenant_id", Example.partner.uppercased())
        example.set("partner_tenants", [Example.tenant.uppercased(): "fabrikam"])
        let configuration = try example.load()
        #expect(configuration.partnerTenant == Example.partner)
        #expect(configuration.partnerTenants[Example.tenant] == "fabrikam")
    }

    @Test func idsAndNamesAreThoseOfFacts() throws {
        #expect(
            try Example.complaint("partner.partner_id", "a b")
                == "partner.partner_id may contain only visible ASCII characters")
        #expect(try Example.complaint("partner_tenants", [Example.tenant: "é"]).contains("may contain only"))
        let long = String(repeating: "x", count: 129)
        let complaint = try Example.complaint("customers", [["tenant_id": Example.tenant, "customer_id": long]])
        #expect(complaint == "customers[0].customer_id is longer than 128 characters")
        let name = String(repeating: "x", count: 100_000)
        #expect(
            try Example.complaint("customers", [["tenant_id": Example.tenant, "name": name]])
                .hasPrefix("customers[0].name is longer than "))
    }

    // MARK: Customers

    @Test func everyKindOfCustomers() throws {
        var example = try Example()
        example.set("customers", "delegatedAdminCustomers")
        #expect(try example.load().customers == .delegatedAdminCustomers)
        example.set("customers", [Any]())
        #expect(try example.load().customers == .listed([]))
        example.set(
            "customers",
            [
                ["tenant_id": Example.tenant.uppercased(), "customer_id": NSNull(), "name": NSNull()],
                ["tenant_id": Example.otherTenant, "customer_id": "fabrikam", "name": "Fabrikam", "market": "NL"],
            ])
        #expect(
            try example.load().customers
                == .listed([
                    SyncCustomer(tenantID: Example.tenant, customerID: Example.tenant, name: nil, market: nil),
                    SyncCustomer(
                        tenantID: Example.otherTenant, customerID: "fabrikam", name: "Fabrikam", market: "NL"),
                ]))
    }

    @Test func nobodyIsThereTwice() throws {
        #expect(
            try Example.complaint(
                "customers", [["tenant_id": Example.tenant], ["tenant_id": Example.tenant.uppercased()]])
                == "customers[1].tenant_id “\(Example.tenant)” is there twice")
        #expect(
            try Example.complaint(
                "customers",
                [
                    ["tenant_id": Example.tenant, "customer_id": "fabrikam"],
                    ["tenant_id": Example.otherTenant, "customer_id": "fabrikam"],
                ])
                == "customers[1].customer_id “fabrikam” is there twice")
        // One's id may look like another's tenant.
        #expect(
            try Example.complaint(
                "customers",
                [
                    ["tenant_id": Example.tenant, "customer_id": Example.otherTenant],
                    ["tenant_id": Example.otherTenant, "customer_id": Example.tenant],
                ])
                == "taken")
    }

    /// Of two keys a reader of JSON takes one, and says nothing.
    @Test func aTenantOfAPartnerIsThereOnce() throws {
        let example = try Example()
        func complaint(_ tenants: [(String, String)]) throws -> String {
            let lines = tenants.map { "  \"\($0.0)\": \"\($0.1)\"" }.joined(separator: ",\n")
            let text = """
                {"partner": {"partner_id": "contoso-reseller", "tenant_id": "\(Example.partner)"},
                 "application": {"client_id": "c", "client_secret_file": "secret"},
                 "partner_tenants": {
                \(lines)
                 }}
                """
            do {
                _ = try example.load(bytes: text.utf8)
                return "taken"
            } catch let failure as SyncFailure {
                return failure.description
            }
        }
        #expect(try complaint([(Example.tenant, "a"), (Example.otherTenant, "a")]) == "taken")
        #expect(
            try complaint([(Example.tenant, "a"), (Example.otherTenant, "b"), (Example.tenant, "b")])
                == "contoso.json:6: partner_tenants.\(Example.tenant) is there twice")
        let upper = Example.tenant.uppercased()
        #expect(
            try complaint([(Example.tenant, "a"), (upper, "a")])
                == "contoso.json:5: partner_tenants.\(upper) is there twice")
        // The partner's own tenant is one already.
        #expect(try complaint([(Example.partner.uppercased(), "contoso-reseller")]) == "taken")
        #expect(
            try complaint([(Example.partner, "fabrikam")])
                == "contoso.json: partner_tenants: “\(Example.partner)” is partner.tenant_id, whose partner is "
                + "“contoso-reseller”")
    }

    /// Every character that an id may have, and none that it may not.
    @Test func idsOfEveryVisibleCharacter() throws {
        var example = try Example()
        for code in UInt8.min..<0x80 {
            let id = "a\(UnicodeScalar(code))b"
            example.set("customers", [["tenant_id": Example.tenant, "customer_id": id]])
            let isVisible = code > 0x20 && code < 0x7F
            #expect(try (example.complaint() == "taken") == isVisible, "\(code)")
        }
    }

    // MARK: The file

    @Test func filesThatAreNoConfiguration() throws {
        let folder = try TemporaryFolder()
        func complaint(_ bytes: some Sequence<UInt8>) throws -> String {
            try folder.write(bytes, to: "c.json")
            do {
                _ = try SyncConfiguration.load(folder.file("c.json"))
                return "taken"
            } catch {
                return error.description.replacing(folder.path, with: "")
            }
        }
        #expect(try complaint([]) == "the configuration “/c.json” is not JSON")
        #expect(try complaint("{".utf8) == "the configuration “/c.json” is not JSON")
        #expect(try complaint(String(repeating: "[", count: 300_000).utf8) == "the configuration “/c.json” is not JSON")
        #expect(try complaint("[]".utf8) == "c.json: the configuration is not an object")
        #expect(try complaint("{}".utf8) == "c.json: partner is missing")
        for path in [folder.path, folder.file("none")] {
            #expect(throws: SyncFailure("the configuration “\(path)” cannot be read")) {
                try SyncConfiguration.load(path)
            }
        }
    }

    @Test func atMost64MiB() throws {
        let example = try Example()
        let path = example.folder.file("contoso.json")
        _ = try example.load()
        // A file with a hole takes no room.
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: UInt64(SyncConfiguration.largestFile) + 1)
        #expect(throws: SyncFailure("the configuration “\(path)” is larger than \(64 << 20) bytes")) {
            try SyncConfiguration.load(path)
        }
    }
}
