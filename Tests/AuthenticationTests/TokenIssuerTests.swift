import Foundation
import Outgoing
import Tenancy
import Testing

@testable import Authentication

@Suite struct TokenIssuerTests {
    private func issuer(_ text: String, file: String = "/etc/insights/entra.json") throws -> TokenIssuer {
        try TokenIssuer(json: Array(text.utf8), file: file)
    }

    private func reason(_ text: String) -> String? {
        do {
            _ = try issuer(text)
            return nil
        } catch {
            return (error as? TokenIssuerError)?.reason
        }
    }

    private let rest = #""jwks":"keys.json","partners":{"t":"p1"}"#

    @Test func defaults() throws {
        let issuer = try issuer(#"{"issuer":"i","audience":"a",\#(rest)}"#)
        #expect(issuer.algorithms == [.rs256, .es256])
        #expect(issuer.rolesClaim.text == "roles")
        #expect(issuer.tenantClaim.text == "tid")
        #expect(issuer.audiences == ["a"])
        #expect(issuer.keys == .file("/etc/insights/keys.json"))
        #expect(issuer.partner(ofTenant: "T") == (try PartnerID("p1")))
        #expect(issuer.partner(ofTenant: "u") == nil)
    }

    @Test(arguments: [
        ("", "is not one JSON object with distinct keys"),
        (#"{"issuer":"i","issuer":"j"}"#, "is not one JSON object with distinct keys"),
        (
            #"{"issuer":"","audience":"a","jwks":"k","partners":{"t":"p"}}"#,
            #""issuer" must be a string that is not empty, without spaces around it"#
        ),
        (
            #"{"audience":"a","jwks":"k","partners":{"t":"p"}}"#,
            #""issuer" must be a string that is not empty, without spaces around it"#
        ),
        (
            #"{"issuer":"i","audience":"","jwks":"k","partners":{"t":"p"}}"#,
            #""audience" must be a string that is not empty, without spaces around it"#
        ),
        (
            #"{"issuer":"i","jwks":"k","partners":{"t":"p"}}"#,
            #""audience" must be a string that is not empty, without spaces around it"#
        ),
        (
            #"{"issuer":"i","audience":[],"jwks":"k","partners":{"t":"p"}}"#,
            #""audience" must be a string, or a list of some, that is not empty"#
        ),
        (
            #"{"issuer":"i","audience":["a",""],"jwks":"k","partners":{"t":"p"}}"#,
            #""audience" must be a string, or a list of some, that is not empty"#
        ),
        (
            #"{"issuer":"i","audience":["api://{client-id}"],"jwks":"k","partners":{"t":"p"}}"#,
            #""audience" has "{client-id}", which stands for nothing"#
        ),
        (
            #"{"issuer":" i","audience":"a","jwks":"k","partners":{"t":"p"}}"#,
            #""issuer" must be a string that is not empty, without spaces around it"#
        ),
        (
            #"{"issuer":"https://i/{tenant}/v2.0","audience":"a","jwks":"k","partners":{"t":"p"}}"#,
            #""issuer" has "{tenant}", which stands for nothing; only {tenantid} may stand in it, once"#
        ),
        (
            #"{"issuer":"https://i/<your tenant>/","audience":"a","jwks":"k","partners":{"t":"p"}}"#,
            #""issuer" has "<your tenant>", which stands for nothing; only {tenantid} may stand in it, once"#
        ),
        (
            #"{"issuer":"https://i/{tenantid","audience":"a","jwks":"k","partners":{"t":"p"}}"#,
            #""issuer" has "{tenantid", which stands for nothing; only {tenantid} may stand in it, once"#
        ),
        (
            #"{"issuer":"{TenantID}/{tenantid}","audience":"a","jwks":"k","partners":{"t":"p"}}"#,
            #""issuer" has "{tenantid}", which stands for nothing; only {tenantid} may stand in it, once"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","partners":{"ab":"p","aB":"q"}}"#,
            #""partners" has the tid "ab" twice, in other letters"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","partners":{"<tid>":"p"}}"#,
            #""partners" has "<tid>", which stands for nothing"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","partners":{"t ":"p"}}"#,
            #""partners" has the tid "t ", which no token can name"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","tenant_claim":"iss","partners":{"j":"p"}}"#,
            #""partners" must have "issuer" as a key, for "tenant_claim" is iss"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","partners":{"t":"p"},"tenant_claim":7}"#,
            #""tenant_claim" must be a string that is not empty, without spaces around it"#
        ),
        (
            #"{"issuer":"https://login.microsoftonline.com/common/v2.0","audience":"a","jwks":"k","#
                + #""partners":{"t":"p"}}"#,
            #""issuer" is that of the tenant "common", which "partners" does not have; "#
                + "for tokens of several tenants write {tenantid} in its place"
        ),
        (
            #"{"issuer":"https://sts.windows.net/u/","audience":"a","jwks":"k","partners":{"t":"p"}}"#,
            #""issuer" is that of the tenant "u", which "partners" does not have; "#
                + "for tokens of several tenants write {tenantid} in its place"
        ),
        (
            #"{"issuer":"i","audience":"a","partners":{"t":"p"}}"#,
            #""jwks" must be a string that is not empty, without spaces around it"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"http://x/keys","partners":{"t":"p"}}"#,
            #""jwks" must be a path or an https URL"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"file:///etc/keys","partners":{"t":"p"}}"#,
            #""jwks" must be a path or an https URL"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","algorithms":["HS256"],"partners":{"t":"p"}}"#,
            #""algorithms" may contain only RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","algorithms":["none"],"partners":{"t":"p"}}"#,
            #""algorithms" may contain only RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","algorithms":[],"partners":{"t":"p"}}"#,
            #""algorithms" must be a list that is not empty"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k"}"#,
            #""partners" must be an object from tid to partner id that is not empty"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","partners":{}}"#,
            #""partners" must be an object from tid to partner id that is not empty"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","partners":{"t":"a b"}}"#,
            #""partners" must map the tid "t" to a partner id"#
        ),
        (
            #"{"issuer":"i","audience":"a","jwks":"k","partners":{"t":"p"},"roles_claim":""}"#,
            #""roles_claim" must be a string that is not empty, without spaces around it"#
        ),
        (#"{"issuer":"i","audience":"a","jwks":"k","partners":{"t":"p"},"audiance":"x"}"#, #"unknown key "audiance""#),
        (#"{"issuer":"i","audience":"a","jwks":"k","partners":{"t":"p"},"a\nb":"x"}"#, #"unknown key "a?b""#),
    ])
    func refuses(_ text: String, _ expected: String) {
        #expect(reason(text) == expected)
    }

    /// What differs by its case alone is one tenant as `tid` and two elsewhere.
    @Test func tenantsOfOtherClaimsHaveCases() throws {
        let issuer = try issuer(
            #"{"issuer":"i","audience":"a","jwks":"k","tenant_claim":"org","partners":{"ab":"p","aB":"q"}}"#)
        #expect(issuer.partner(ofTenant: "aB") == (try PartnerID("q")))
        #expect(issuer.partner(ofTenant: "AB") == nil)
        let same = try self.issuer(
            #"{"issuer":"https://sts.windows.net/U/","audience":"a","jwks":"k","partners":{"u":"p"}}"#)
        #expect(same.partner(ofTenant: "U") == (try PartnerID("p")))
    }

    @Test(arguments: [
        ("https://login.example/keys", "login.example", 443, "/keys"),
        ("HTTPS://login.example", "login.example", 443, "/"),
        ("https://login.example:8443/a/b?c=d", "login.example", 8443, "/a/b?c=d"), ("https://x?y", "x", 443, "/?y"),
        ("https://[::1]:99/k", "::1", 99, "/k"), ("https://127.0.0.1/k", "127.0.0.1", 443, "/k"),
    ])
    func addresses(_ text: String, _ host: String, _ port: Int, _ target: String) throws {
        let address = try #require(HTTPSAddress(text))
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.target == target)
    }

    @Test(arguments: [
        "", "https:", "https://", "https:///k", "http://x", "ftp://x", "https://x:0/", "https://x:65536/",
        "https://x:/k",
        "https://x:a/", "https://user@x/", "https://x/#f", "https://x/a b", "https://x/\r\nHost: y", "https://[::1",
        "https://[::1]x/", "https://[[]", "https://[abc]/", "https://a[b/", "https://x\\y/", "https://é/",
        "https://" + String(repeating: "a", count: 9_000),
    ])
    func notAddresses(_ text: String) {
        #expect(HTTPSAddress(text) == nil)
    }

    @Test func jsonIsStrict() {
        for good in [
            "{}", "[]", " null ", "true", "-0.5e+10", #""\ud83d\ude00\u0041""#, "[1,2,[3]]", #"{"a":{"b":[]}}"#,
        ] {
            #expect(StrictJSON(Array(good.utf8)) != nil, "\(good)")
        }
        for bad in [
            "", " ", "{", "}", "[1,]", "{,}", #"{"a"}"#, #"{"a":}"#, "01", "1.", ".5", "+1", "1e", "NaN", "nul", "'a'",
            #""\x""#, #""\ud83d""#, #""\ude00""#, #""\ud83d\u0041""#, "\"a\nb\"", "\"", "1 2", "[1 2]",
            #"{"a":1"b":2}"#,
            "\u{FEFF}{}", "[[[[[[[[[1]]]]]]]]]", #"{"a":1,"a":2}"#, "[" + String(repeating: "1,", count: 30_000) + "1]",
        ] {
            #expect(StrictJSON(Array(bad.utf8)) == nil, "\(bad.prefix(40))")
        }
        #expect(StrictJSON([0x22, 0xFF, 0x22]) == nil)
        #expect(StrictJSON([0x22, 0xC0, 0xAF, 0x22]) == nil)
        #expect(StrictJSON(Array(String(repeating: "[", count: 1_000_000).utf8)) == nil)
        var random = Seeded(state: 41)
        let pieces = ["{", "}", "[", "]", ",", ":", "\"a\"", "1", "\\u00", "\"", "true", "e", "-", " ", "\u{0}", "é"]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
                pieces.randomElement(using: &random)
            }
            guard StrictJSON(Array(text.joined().utf8)) != nil else { continue }
            // What is accepted here is accepted by an independent reader.
            #expect(
                (try? JSONSerialization.jsonObject(with: Data(text.joined().utf8), options: .fragmentsAllowed)) != nil,
                "\(text.joined())")
        }
    }
}
