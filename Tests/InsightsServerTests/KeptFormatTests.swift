import Cryptography
import LicenseModel
import Testing

@testable import AuditTrail
@testable import InsightsServer

/// What earlier versions wrote has to be readable: codes of known texts, worked out apart from this code.
struct KeptFormatTests {
    private static let secret = [UInt8](0..<32)

    @Test func auditCodes() {
        let key = AuditKey(secret: Self.secret)
        let body = Array("{\"sequence\":1".utf8)
        #expect(
            Hex.text(of: key.chain(previous: AuditKey.genesis, body: body))
                == "a8d7cd2df9b9a6ab9ed3c6714515f46f035b1b723672b34283e43d67c022d950")
        #expect(Hex.text(of: key.seal(body)) == "578070dd619827d43fd51a121e4b1936c987f573f49a7da4b032e9ee1d97e48e")
        #expect(Hex.text(of: key.journal(body)) == "9b9e33043e3280a1b5d655b77901c7748294d735e4b0fa461b84f71155ac55e0")
        #expect(Hex.text(of: key.head(body)) == "c8f935b41a9d4d7e72529f911bce91b4d9ba18decd46239343284811f18ff2a2")
        #expect(
            key.hash(customer: "customer-7") == "a7465e81ee2e995db935ba2fab30435bed90323a5d7659c7449ca8aca72fdefc")
    }

    @Test func pageTokens() throws {
        let tokens = PageTokens(secret: Self.secret)
        let query = PageQuery(partner: "p1", method: "/s/List", digest: [UInt8](repeating: 7, count: 32))
        let position = PagePosition(revision: Revision(number: 42), asOf: Day(number: 20_000), key: ["c1", "7"])
        let token = "ASoAAAAAAAAAIU4AAAAAAAACAAAAAAAAAAIAAAAAAAAAYzEBAAAAAAAAADfeNdBGjQBHyUyCMWmNw8Pe"
        #expect(tokens.token(for: query, at: position) == token)
        #expect(try tokens.position(of: token, for: query) == position)
    }
}
