import DatastoreConformance
import LicenseModel
import Tenancy
import Testing

@Suite struct LoggedFactsTests {
    @Test func whatIsWithdrawnKeepsThePlacesOfTheRest() throws {
        for seed in 0..<60 as Range<UInt64> {
            var source = RandomFacts(seed: seed)
            let facts = try source.batch(count: 30)
            let plain = try LoggedFacts(FactBatchCodec.encode(facts))
            #expect(plain.facts == facts && plain.withdrawn.isEmpty)
            #expect(plain.bytes == FactBatchCodec.encode(facts))
            var logged = plain
            var gone: Set<CustomerID> = []
            for number in [3, 7, 0] {
                let customer = try RandomFacts.customer(number)
                guard let less = logged.withdrawing(customer) else { continue }
                gone.insert(customer)
                logged = try LoggedFacts(less.bytes)
                #expect(logged == less)
            }
            #expect(logged.withdrawn == Set(gone.map { StateBuckets.bucket(of: $0) }).sorted())
            #expect(logged.facts.count == facts.count)
            for (left, fact) in zip(logged.facts, facts) {
                if let customer = fact.customer, gone.contains(customer) {
                    #expect(left == .customer(CustomerFact(customer: customer, name: "", market: "")))
                } else {
                    #expect(left == fact)
                }
            }
        }
    }

    @Test func whoIsNotThereIsNotWithdrawn() throws {
        let facts = try SampleBatches.facts(1)
        #expect(try LoggedFacts(FactBatchCodec.encode(facts)).withdrawing(CustomerID("nobody")) == nil)
    }

    @Test func damagedBytesAreRefused() throws {
        var source = RandomFacts(seed: 3)
        let facts = try source.batch(count: 12)
        let customer = try #require(facts.compactMap(\.customer).first)
        let bytes = try #require(try LoggedFacts(FactBatchCodec.encode(facts)).withdrawing(customer)).bytes
        for length in 0..<bytes.count {
            #expect(throws: FactBatchCodecError.self) { try LoggedFacts(Array(bytes[..<length])) }
        }
        for bit in 0..<(bytes.count * 8) {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: FactBatchCodecError.self) { try LoggedFacts(damaged) }
        }
    }

    @Test func placesComeBackAndDamagedOnesDoNot() throws {
        let (customer, user) = (try CustomerID("C/1"), try UserID("jan@contoso.example"))
        for place in [ErasedPlace.Place.person(0), .person(.max), .part(slot: 7, index: 300)] {
            let erased = ErasedPlace(place, of: customer, id: user, replacement: try UserID("erased-1"))
            let bytes = erased.bytes
            #expect(try ErasedPlace(bytes) == erased)
            #expect(!String(decoding: bytes, as: UTF8.self).contains("jan"))
            for length in 0..<bytes.count {
                #expect(throws: FactBatchCodecError.self) { try ErasedPlace(Array(bytes[..<length])) }
            }
            for bit in 0..<(bytes.count * 8) {
                var damaged = bytes
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: FactBatchCodecError.self) { try ErasedPlace(damaged) }
            }
        }
    }

    /// Rows on disk are found by it.
    @Test func bucketsAreWhatTheyAlwaysWere() throws {
        #expect(try ["C", "customer-1", "~"].map { StateBuckets.bucket(of: try CustomerID($0)) } == [25, 17, 123])
        var folds = BucketFolds(count: StateBuckets.count)
        folds[5] = Revision(number: 4)
        folds[256] = Revision(number: 9)
        #expect(folds.least == .none && folds[5].number == 4 && folds[256] == .none)
        #expect(BucketFolds(count: 1, through: Revision(number: 3)).folded(try CustomerID("C")).number == 3)
    }
}
