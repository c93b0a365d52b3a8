import LicenseModel
import Tenancy
import Testing

@Suite struct IdentifierTests {
    @Test(arguments: [".", ".."])
    func dotsNameNobodyWhoCalls(_ text: String) throws {
        let partner = #expect(throws: IdentifierError.self) { try PartnerID(text) }
        let principal = #expect(throws: IdentifierError.self) { try PrincipalID(text) }
        #expect([partner, principal].map { $0?.reason } == Array(repeating: "may not be . or ..", count: 2))
        #expect(try CustomerID(text).text == text)
        #expect(try PartnerID("...").text == "...")
    }

    /// Facts of an older version may name such a partner; its log must still be read.
    @Test func storedFactsKeepWhatTheyName() throws {
        let partner = try PartnerID(stored: "..")
        let facts: [Fact] = [.partner(PartnerFact(partner: partner, name: "n"))]
        #expect(try FactBatchCodec.decode(FactBatchCodec.encode(facts)) == facts)
        #expect(throws: IdentifierError.self) { try PartnerID(stored: "a/b") }
        #expect(throws: IdentifierError.self) { try PartnerID(stored: "") }
        #expect(throws: IdentifierError.self) { try PartnerID(stored: String(repeating: "p", count: 129)) }
    }
}
