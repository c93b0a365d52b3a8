import Testing

@testable import Outgoing

struct AddressTests {
    @Test func haveABound() throws {
        let start = "https://host/"
        let longest = start + String(repeating: "a", count: 8_192 - start.utf8.count)
        #expect(try #require(HTTPSAddress(longest)).description == longest)
        #expect(HTTPSAddress(longest + "a") == nil)
    }

    /// A token of one may go to the other.
    @Test(arguments: [
        ("https://a.example/x", "https://a.example/y?z", true), ("https://a.example", "https://A.Example:443/", true),
        ("https://a.example:8443/", "HTTPS://a.EXAMPLE:8443/x", true), ("https://[::a]/", "https://[::A]:443/", true),
        ("https://a.example/", "https://a.example:8443/", false), ("https://a.example/", "https://b.example/", false),
        ("https://a.example/", "https://a.example.b.example/", false),
        ("https://a.example/", "https://xa.example/", false),
        ("https://a.example/", "https://a.example./", false), ("https://[::1]/", "https://127.0.0.1/", false),
    ])
    func areOfOneOrigin(_ text: String, _ other: String, _ same: Bool) throws {
        let (address, other) = (try #require(HTTPSAddress(text)), try #require(HTTPSAddress(other)))
        #expect(address.isSameOrigin(as: other) == same)
        #expect(other.isSameOrigin(as: address) == same)
    }
}
