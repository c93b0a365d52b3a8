import FactReading
import InsightsAPI
import LicenseModel
import SwiftProtobuf
import Testing

@testable import InsightsServer

@Suite struct IngestDecoderTests {
    static let decoder = IngestDecoder(today: Day(number: 19_800), maximumFacts: 1_000)

    static let coverage = #"{"coverage":{"customerId":"c","source":"SOURCE_ACTIVITY","through":"2024-03-18"}}"#

    /// A batch with every kind of fact.
    static let everyKind = """
        {"batchId":"b","facts":[
        {"partner":{"partnerId":"p","name":"Partner é"}},{"customer":{"customerId":"c","name":"n","market":"NL"}},
        {"relationship":{"partnerId":"p","customerId":"c","startDate":"2024-01-01"}},
        {"sku":{"skuId":"E3","name":"E3","product":"PRODUCT_OFFICE_365","workloadCodes":["EXO","ODB"]}},
        {"subscription":{"subscriptionId":"s","customerId":"c","skuId":"E3","sellerPartnerId":"p",
        "effectiveDate":"2024-01-01","quantity":"25","state":"SUBSCRIPTION_STATE_GRACE","termEnd":"2030-01-01"}},
        {"user":{"customerId":"c","userId":"u","displayName":"Ann"}},
        {"assignment":{"customerId":"c","userId":"u","skuId":"E3","startDate":"2024-01-01","endDate":"2024-02-01"}},
        {"assignmentSnapshot":{"customerId":"c","skuId":"E3","date":"2024-01-01","userIds":["u","v"]}},
        {"activity":{"customerId":"c","userId":"u","workloadCode":"TEAMS","dates":["2024-03-18","1970-01-01"]}},
        {"supportRequest":{"customerId":"c","date":"2024-03-01","category":"SUPPORT_CATEGORY_HOW_TO","count":"5"}},
        \(coverage)]}
        """

    @Test func aBatchIsReadAndItsFactsAreCountedFirst() throws {
        let one = try PBIngestRequest(jsonString: #"{"batchId":"b","facts":[\#(Self.coverage)]}"#)
        #expect(try Self.decoder.decode(try one.serializedBytes()).facts.count == 1)
        let all = try PBIngestRequest(jsonString: Self.everyKind)
        #expect(try Self.decoder.decode(try all.serializedBytes()).facts.count == 11)
        // Two million facts of two bytes each are refused without being decoded.
        let bomb: [UInt8] = [0x0A, 0x01, 0x62] + Array(repeating: [0x12, 0x00], count: 2_000_000).flatMap { $0 }
        #expect(throws: IngestDecoder.Failure.bad(FactReader.tooMany(2_000_000, limit: 1_000), batch: "b")) {
            try Self.decoder.decode(bomb)
        }
        let full: [UInt8] = [0x0A, 0x01, 0x62] + Array(repeating: [0x12, 0x00], count: 1_000).flatMap { $0 }
        #expect(throws: IngestDecoder.Failure.self) { try Self.decoder.decode(full) }
        #expect(try IngestDecoder.Outline(full.span).facts == 1_000)
    }

    /// Any bytes end in a batch or a refusal, and malformed is what swift-protobuf calls so.
    @Test func anyBytes() throws {
        let whole: [UInt8] = try PBIngestRequest(jsonString: Self.everyKind).serializedBytes()
        var random = RowSeed(5)
        for _ in 0..<4_000 {
            var bytes = whole
            for _ in 0...random.below(4) {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.chance(30) { bytes.removeSubrange(random.below(bytes.count)...) }
            let isMessage = (try? PBIngestRequest(serializedBytes: bytes)) != nil
            do {
                _ = try Self.decoder.decode(bytes)
                try #require(isMessage)
            } catch IngestDecoder.Failure.malformed {
                try #require(!isMessage)
            } catch IngestDecoder.Failure.bad(let field, let batch) {
                try #require(isMessage && !field.field.isEmpty && !field.reason.isEmpty)
                try #require(try PBIngestRequest(serializedBytes: bytes).batchID == batch)
            }
        }
    }
}
