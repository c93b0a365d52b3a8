import Tenancy
import Testing

@testable import Authentication

@Suite struct SpiffeIdentityTests {
    private let domain = "insights.local"

    private func parse(_ uri: String) throws(SpiffeError) -> SpiffeIdentity {
        guard let trustDomain = try? TrustDomain(domain) else { throw .otherTrustDomain }
        return try SpiffeIdentity(uri, trustDomain: trustDomain)
    }

    @Test func readsBothForms() throws {
        #expect(
            try parse("spiffe://insights.local/partner/p-1/principal/Ann.B_c")
                == .principal(PartnerID("p-1"), PrincipalID("Ann.B_c")))
        #expect(try parse("spiffe://insights.local/operator/feed") == .operator(name: PrincipalID("feed")))
        // Ids may look like the fixed segments.
        #expect(
            try parse("spiffe://insights.local/partner/principal/principal/partner")
                == .principal(PartnerID("principal"), PrincipalID("partner")))
        let long = String(repeating: "a", count: 128)
        #expect(
            try parse("spiffe://insights.local/partner/\(long)/principal/\(long)")
                == .principal(PartnerID(long), PrincipalID(long)))
    }

    @Test(arguments: [
        "", "spiffe:", "spiffe:/", "spiffe://", "spiffe:///", "http://insights.local/operator/a",
        "SPIFFE://insights.local/operator/a", "Spiffe://insights.local/operator/a",
        " spiffe://insights.local/operator/a", "spiffe://insights.local/operator/a ",
        "spiffe://Insights.local/operator/a", "spiffe://INSIGHTS.LOCAL/operator/a",
        "spiffe://insights.locale/operator/a", "spiffe://insights.loca/operator/a",
        "spiffe://insights.local./operator/a", "spiffe://x@insights.local/operator/a",
        "spiffe://insights.local:443/operator/a", "spiffe:///operator/a", "spiffe://insights.local",
        "spiffe://insights.local/", "spiffe://insights.local//operator/a", "spiffe://insights.local/operator",
        "spiffe://insights.local/operator/", "spiffe://insights.local/operator/a/",
        "spiffe://insights.local/operator//a", "spiffe://insights.local/Operator/a",
        "spiffe://insights.local/operator/a/b", "spiffe://insights.local/operator/.",
        "spiffe://insights.local/operator/..", "spiffe://insights.local/operator/a?x=1",
        "spiffe://insights.local/operator/a#x", "spiffe://insights.local/operator/a%62",
        "spiffe://insights.local/operator/%2e", "spiffe://insights.local/operator/é",
        "spiffe://insights.local/operator/a\u{0}", "spiffe://insights.local/operator/a\nb",
        "spiffe://insights.local\\operator\\a", "spiffe://insights.local/operator/a;v=1",
        "spiffe://insights.local/partner/p", "spiffe://insights.local/partner/p/principal",
        "spiffe://insights.local/partner/p/principal/", "spiffe://insights.local/partner//principal/a",
        "spiffe://insights.local/partner/p//a", "spiffe://insights.local/partner/p/principals/a",
        "spiffe://insights.local/partners/p/principal/a", "spiffe://insights.local/partner/p/principal/a/",
        "spiffe://insights.local/partner/p/principal/a/b", "spiffe://insights.local/partner/../principal/a",
        "spiffe://insights.local/partner/p/principal/..", "spiffe://insights.local/partner/p%2Fq/principal/a",
        "spiffe://insights.local/partner/p/principal/a\u{301}", "spiffe://insights.local/partner/p/principal/a\u{202E}",
        "spiffe://insights.local/partner/p/operator/a", "spiffe://insights.local/principal/a/partner/p",
    ])
    func refuses(_ uri: String) {
        #expect(throws: SpiffeError.self) { try parse(uri) }
    }

    @Test func refusesLongIds() {
        let long = String(repeating: "a", count: 129)
        #expect(throws: SpiffeError.malformedPath) { try parse("spiffe://insights.local/operator/\(long)") }
        let longer = "spiffe://insights.local/operator/" + String(repeating: "a", count: 4_000_000)
        #expect(throws: SpiffeError.tooLong) { try parse(longer) }
    }

    @Test func wantsExactlyOneURI() throws {
        let trustDomain = try TrustDomain(domain)
        let good = "spiffe://insights.local/operator/a"
        #expect(throws: SpiffeError.notExactlyOneURI) { try SpiffeIdentity(uriSANs: [], trustDomain: trustDomain) }
        for other in [good, "https://example.com", ""] {
            #expect(throws: SpiffeError.notExactlyOneURI) {
                try SpiffeIdentity(uriSANs: [good, other], trustDomain: trustDomain)
            }
            #expect(throws: SpiffeError.notExactlyOneURI) {
                try SpiffeIdentity(uriSANs: [other, good], trustDomain: trustDomain)
            }
        }
        #expect(try SpiffeIdentity(uriSANs: [good], trustDomain: trustDomain) == .operator(name: PrincipalID("a")))
    }

    @Test(arguments: ["", "Insights.local", "a b", "a/b", "a:1", "ä", "a%20", String(repeating: "a", count: 256)])
    func refusesTrustDomains(_ name: String) {
        #expect(throws: TrustDomainError.self) { try TrustDomain(name) }
    }

    /// Random bytes and random damage to good ids: never a trap, and whatever is accepted is one of the two forms,
    /// letter by letter.
    @Test func isTotal() throws {
        var random = Seeded(state: 11)
        let good = Array("spiffe://insights.local/partner/p-1/principal/ann".utf8)
        for round in 0..<20_000 {
            var bytes: [UInt8]
            if round % 2 == 0 {
                bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            } else {
                bytes = good
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: place)
                    default: bytes.insert(UInt8.random(in: 0x20...0x7E, using: &random), at: place)
                    }
                }
            }
            let uri = String(decoding: bytes, as: UTF8.self)
            guard let identity = try? parse(uri) else { continue }
            let written =
                switch identity {
                case .principal(let partner, let name): "spiffe://insights.local/partner/\(partner)/principal/\(name)"
                case .operator(let name): "spiffe://insights.local/operator/\(name)"
                }
            #expect(Array(written.utf8) == Array(uri.utf8))
        }
    }
}
