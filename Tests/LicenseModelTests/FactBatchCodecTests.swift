import DatastoreConformance
import LicenseModel
import Tenancy
import Testing

@Suite struct FactBatchCodecTests {
    /// The bytes of the facts, because Swift finds canonically equivalent names equal.
    private func sameBytes(_ left: [Fact], _ right: [Fact]) -> Bool {
        left == right && FactBatchCodec.encode(left) == FactBatchCodec.encode(right)
    }

    @Test func randomBatchesGoThereAndBack() throws {
        for seed in 0..<3_000 as Range<UInt64> {
            var source = RandomFacts(seed: seed)
            let facts = try source.batch(count: source.random.int(0...25))
            let bytes = FactBatchCodec.encode(FactBatch(id: try BatchID("b"), facts: facts))
            let decoded = try FactBatchCodec.decode(bytes)
            try #require(decoded == facts, "seed \(seed)")
            try #require(FactBatchCodec.encode(decoded) == bytes, "seed \(seed)")
        }
    }

    @Test func extremeValuesGoThereAndBack() throws {
        let customer = try CustomerID("c")
        for quantity in [Int64.min, -1, 0, 1, 63, 64, 8_191, 8_192, Int64.max] {
            let facts: [Fact] = [
                .supportRequest(SupportRequestFact(customer: customer, day: .last, category: .other, count: quantity)),
                .supportRequest(SupportRequestFact(customer: customer, day: .first, category: .howTo, count: quantity)),
            ]
            #expect(try FactBatchCodec.decode(FactBatchCodec.encode(facts)) == facts)
        }
        let sku = SkuFact(sku: try SkuID("s"), name: "", product: nil, workloads: WorkloadSet(rawValue: 255))
        #expect(try FactBatchCodec.decode(FactBatchCodec.encode([.sku(sku)])) == [.sku(sku)])
        let activity = ActivityFact(customer: customer, user: try UserID("u"), workload: .yam, days: [])
        #expect(try FactBatchCodec.decode(FactBatchCodec.encode([.activity(activity)])) == [.activity(activity)])
    }

    @Test func equivalentNamesKeepTheirBytes() throws {
        let names = ["Café", "Cafe\u{301}"]
        let facts = try names.map { Fact.partner(PartnerFact(partner: try PartnerID("p"), name: $0)) }
        let decoded = try FactBatchCodec.decode(FactBatchCodec.encode(facts))
        let bytes = decoded.compactMap { fact -> [UInt8]? in
            guard case .partner(let partner) = fact else { return nil }
            return Array(partner.name.utf8)
        }
        #expect(bytes == names.map { Array($0.utf8) })
    }

    /// The format is on disk: these bytes must be readable for ever.
    @Test func theFormatStays() throws {
        let facts: [Fact] = [
            .customer(CustomerFact(customer: try CustomerID("c1"), name: "N", market: "NL")),
            .activity(
                ActivityFact(
                    customer: try CustomerID("c1"), user: try UserID("u1"), workload: .spo,
                    days: [Day(number: 10), Day(number: 11), Day(number: 9)])),
        ]
        let content: [UInt8] = [
            1, 2, 2, 1, 2, 0x63, 0x31, 1, 0x4E, 2, 0x4E, 0x4C, 9, 0, 1, 2, 0x75, 0x31, 4, 3, 20, 2, 3,
        ]
        #expect(Array(FactBatchCodec.encode(facts).dropLast(4)) == content)
        #expect(FactBatchCodec.encode([]).count == 6)
    }

    @Test func repeatedIDsAndDaysTakeOneByteEach() throws {
        var facts: [Fact] = []
        let customer = try CustomerID(String(repeating: "c", count: 36))
        for number in 0..<1_000 {
            let user = try UserID("3f2504e0-4f89-41d3-9a0c-0305e82c\(1_000 + number)")
            for workload in Workload.allCases {
                facts.append(
                    .activity(
                        ActivityFact(customer: customer, user: user, workload: workload, days: [Day(number: 20_000)])))
            }
        }
        // 7,000 facts of 6 bytes, 1,000 new users of 36 bytes and their length.
        #expect(FactBatchCodec.encode(facts).count < 7_000 * 6 + 1_000 * 38 + 64)
        let days = (0..<1_000).map { Day(number: 20_000 + $0) }
        let one = ActivityFact(customer: customer, user: try UserID("u"), workload: .exo, days: days)
        #expect(FactBatchCodec.encode([.activity(one)]).count < 1_000 + 64)
    }

    @Test func checksumOfKnownText() {
        #expect(CRC32C.checksum(of: Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum(of: []) == 0)
        #expect(CRC32C.checksum(of: [UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum(of: [UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum(of: Array(0..<32)) == 0x46DD_794E)
        #expect(CRC32C.checksum(of: Array("12345678901".utf8), count: 9) == 0xE306_9283)
        #expect(CRC32C.checksum(of: [1], count: -1) == 0)
        #expect(CRC32C.checksum(of: [1], count: 9) == CRC32C.checksum(of: [1]))
    }
}
