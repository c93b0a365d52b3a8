import Outgoing
import Testing

@testable import GraphSync

/// Addresses that answers hold.
struct LinkTests {
    private func address(_ text: String) throws -> String? {
        let base = try #require(HTTPSAddress("https://graph.example:8443/v1.0/users?$top=999"))
        return Link.address(text, from: base)?.description
    }

    @Test(arguments: [
        ("https://graph.example/v1.0/users?$skiptoken=m~A*(',;:@)!&x=[1]", nil),
        // What was escaped stays as it is.
        ("https://graph.example/a%20b%2Fc%zz?x=%C3%A9", nil),
        ("https://graph.example/caf\u{E9} x", "https://graph.example/caf%C3%A9%20x"),
        (#"https://graph.example/?x="<>^`{|}"#, "https://graph.example/?x=%22%3C%3E%5E%60%7B%7C%7D"),
        ("https://graph.example/\u{0}\t\n\u{7F}\u{1F600}", "https://graph.example/%00%09%0A%7F%F0%9F%98%80"),
        ("HTTPS://GRAPH.example/x", "https://GRAPH.example/x"),
        // Relative to the answer that holds it.
        ("/v1.0/users?$skiptoken=x", "https://graph.example:8443/v1.0/users?$skiptoken=x"),
        ("users?p=2", "https://graph.example:8443/v1.0/users?p=2"),
        ("?p=2", "https://graph.example:8443/v1.0/users?p=2"),
        ("//other.example/x", "https://other.example/x"),
    ])
    func whatItMeans(_ text: String, _ expected: String?) throws {
        #expect(try address(text) == expected ?? text)
    }

    @Test(arguments: [
        "http://graph.example/x", "ftp://graph.example/x", "https:", "https://", "https:///x", "javascript:alert(1)",
        "https://me@graph.example/x", "https://graph.example\\@evil.example/x", "https:\\\\evil.example/x",
        "\\\\evil.example/x", "https://graph.example/x#y", "https://graph.example:0/x", "https://graph.example:x/",
    ])
    func whatIsNone(_ text: String) throws {
        #expect(try address(text) == nil)
    }

    /// A host is never made another one by an escape.
    @Test func hostsAreComparedAfterwards() throws {
        let base = try #require(HTTPSAddress("https://graph.example/"))
        for text in [
            "https://graph.example /x", "https://graph.example\u{0}.evil.example/x", "https://gr\u{E4}ph.example/",
        ] {
            if let address = Link.address(text, from: base) { #expect(!address.isSameOrigin(as: base), "\(text)") }
        }
    }

    @Test func whatIsTooLongIsNone() throws {
        let text = "https://graph.example/" + String(repeating: "x", count: HTTPSAddress.maximumLength)
        #expect(try address(text) == nil)
        // Escapes count.
        #expect(try address("https://graph.example/" + String(repeating: "\u{E9}", count: 2_000)) == nil)
    }
}
