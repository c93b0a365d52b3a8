import DatastoreConformance
import LicenseModel
import Tenancy
import Testing

@Suite struct FactBatchCodecRewritingTests {
    private func contains(_ needle: String, _ bytes: [UInt8]) -> Bool {
        let pattern = Array(needle.utf8)
        guard bytes.count >= pattern.count else { return false }
        return (0...(bytes.count - pattern.count)).contains { start in
            bytes[start..<(start + pattern.count)].elementsEqual(pattern)
        }
    }

    @Test func everyMentionIsReplaced() throws {
        let person = try PersonSample()
        let bytes = FactBatchCodec.encode(try person.before)
        #expect(contains(person.user.text, bytes))
        #expect(contains("Jan de Vries", bytes))
        let rewritten = try FactBatchCodec.rewriting(
            user: person.user, of: person.customer, to: person.replacement, in: bytes)
        #expect(try FactBatchCodec.decode(rewritten) == person.after)
        #expect(!contains(person.user.text, rewritten))
        #expect(!contains("Jan de Vries", rewritten))
        #expect(contains("Other", rewritten))
    }

    @Test func othersStayAsTheyAre() throws {
        let person = try PersonSample()
        let elsewhere = FactBatchCodec.encode(
            try person.facts(user: person.user, name: "Jan de Vries", of: try CustomerID("customer-2")))
        for bytes in [elsewhere, FactBatchCodec.encode([])] {
            let rewritten = try FactBatchCodec.rewriting(
                user: person.user, of: person.customer, to: person.replacement, in: bytes)
            #expect(rewritten == bytes)
        }
    }

    @Test func randomBatchesKeepEverythingElse() throws {
        let user = try UserID("u:5/{}\"'")
        let customer = try CustomerID("c:6/{}\"'")
        let replacement = try UserID("erased")
        var changed = 0
        for seed in 0..<300 as Range<UInt64> {
            var source = RandomFacts(seed: seed)
            source.variety = 8
            let facts = try source.batch(count: 60)
            let bytes = FactBatchCodec.encode(facts)
            let rewritten = try FactBatchCodec.rewriting(user: user, of: customer, to: replacement, in: bytes)
            let after = try FactBatchCodec.decode(rewritten)
            try #require(after.count == facts.count)
            for (old, new) in zip(facts, after) where old != new {
                changed += 1
                try #require(users(of: old).customer == customer)
                try #require(users(of: old).users.contains(user))
                try #require(users(of: new).users == users(of: old).users.map { $0 == user ? replacement : $0 })
            }
            for fact in after where users(of: fact).customer == customer {
                try #require(!users(of: fact).users.contains(user))
            }
        }
        #expect(changed > 50)
    }

    private func users(of fact: Fact) -> (customer: CustomerID?, users: [UserID]) {
        switch fact {
        case .user(let fact): (fact.customer, [fact.user])
        case .assignment(let fact): (fact.customer, [fact.user])
        case .assignmentSnapshot(let fact): (fact.customer, fact.users)
        case .activity(let fact): (fact.customer, [fact.user])
        default: (nil, [])
        }
    }

    @Test func damagedBytesAreRefused() throws {
        let person = try PersonSample()
        var bytes = FactBatchCodec.encode(try person.before)
        bytes[9] ^= 1
        #expect(throws: FactBatchCodecError.checksumMismatch) {
            try FactBatchCodec.rewriting(user: person.user, of: person.customer, to: person.replacement, in: bytes)
        }
    }
}
