import InsightsAPI
import SwiftProtobuf
import Testing

/// SplitMix64: the same numbers every time.
struct WireSeed: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

@Suite struct WireWriterTests {
    static let integers: [Int64] =
        [0, 1, -1, 126, 127, 128, 129, 16_383, 16_384, .max, .min]
        + (0..<63).flatMap { [Int64(1) << $0, (Int64(1) << $0) - 1, -(Int64(1) << $0)] }

    @Test(arguments: integers) func integersWithAndWithoutPresence(value: Int64) throws {
        var ratio = PBRatio()
        ratio.numerator = value
        ratio.denominator = value
        var writer = WireWriter()
        writer.int64(2, value)
        writer.int64(3, value)
        #expect(writer.finish() == (try ratio.serializedBytes() as [UInt8]))

        var figures = PBLicenseFigures()
        figures.sold = value
        figures.assignedUpper = value
        var second = WireWriter()
        second.optionalInt64(1, value)
        second.optionalInt64(2, nil)
        second.optionalInt64(8, value)
        #expect(second.finish() == (try figures.serializedBytes() as [UInt8]))
    }

    @Test(arguments: [0, 1, -1, 7, Int32.max, Int32.min]) func shortIntegersBooleansAndEnums(value: Int32) throws {
        var response = PBListCustomersResponse()
        response.totalSize = value
        var writer = WireWriter()
        writer.int32(3, value)
        #expect(writer.finish() == (try response.serializedBytes() as [UInt8]))

        var principal = PBPrincipal()
        principal.disabled = value > 0
        var second = WireWriter()
        second.bool(5, value > 0)
        #expect(second.finish() == (try principal.serializedBytes() as [UInt8]))

        var coverage = PBSourceCoverage()
        coverage.status = .UNRECOGNIZED(Int(value))
        if let status = PBCoverageStatus(rawValue: Int(value)) { coverage.status = status }
        var third = WireWriter()
        third.enumeration(2, Int(value))
        #expect(third.finish() == (try coverage.serializedBytes() as [UInt8]))
    }

    @Test(arguments: [
        0.0, -0.0, 1, -1.5, 94.73684210526316, .infinity, -.infinity, .nan, .leastNonzeroMagnitude,
        .greatestFiniteMagnitude,
    ])
    func doubles(value: Double) throws {
        var ratio = PBRatio()
        ratio.percent = value
        var writer = WireWriter()
        writer.optionalDouble(4, value)
        #expect(writer.finish() == (try ratio.serializedBytes() as [UInt8]))
    }

    @Test(arguments: [0, 1, 15, 16, 127, 128, 300, 16_383, 16_384, 70_000]) func textsAndBytes(length: Int) throws {
        for piece in ["a", "é", "語", "😀"] {
            let text = String(repeating: piece, count: length)
            var message = Google_Protobuf_StringValue()
            message.value = text
            var writer = WireWriter()
            writer.string(1, text)
            #expect(writer.finish() == (try message.serializedBytes() as [UInt8]))
        }
        var message = Google_Protobuf_BytesValue()
        message.value.append(contentsOf: repeatElement(0xFE, count: length))
        var writer = WireWriter()
        writer.bytes(1, Array(repeating: 0xFE, count: length))
        #expect(writer.finish() == (try message.serializedBytes() as [UInt8]))
    }

    /// Whatever size was expected, the length in front is minimal and the content stays whole.
    @Test func nestedMessagesOfEverySizeAndExpectation() throws {
        for length in [0, 1, 2, 100, 124, 125, 126, 127, 128, 129, 16_379, 16_380, 16_384, 2_097_150, 2_097_160] {
            var coverage = PBSourceCoverage()
            coverage.through = String(repeating: "x", count: length)
            var freshness = PBFreshness()
            freshness.sources = [coverage, coverage]
            let expected: [UInt8] = try freshness.serializedBytes()
            for size in [0, 1, 127, 128, 200, 16_383, 16_384, 3_000_000, -5] {
                var writer = WireWriter([7, 7])
                for _ in 0..<2 {
                    let mark = writer.begin(1, expecting: size)
                    writer.string(3, coverage.through)
                    writer.end(mark)
                }
                #expect(writer.finish() == [7, 7] + expected, "\(length) bytes, \(size) expected")
            }
        }
    }

    @Test func nestingIsPatchedFromTheInside() throws {
        var seed = WireSeed(state: 1)
        for _ in 0..<200 {
            var insights = PBCustomerInsights()
            insights.customerName = String(repeating: "n", count: Int.random(in: 0...200, using: &seed))
            for _ in 0..<Int.random(in: 0...3, using: &seed) {
                var product = PBProductInsights()
                for _ in 0..<Int.random(in: 0...4, using: &seed) {
                    var sku = PBSkuLicenses()
                    sku.skuName = String(repeating: "s", count: Int.random(in: 0...200, using: &seed))
                    product.skus.append(sku)
                }
                insights.products.append(product)
            }
            var writer = WireWriter()
            writer.string(2, insights.customerName)
            for product in insights.products {
                let outer = writer.begin(5, expecting: Int.random(in: 0...400, using: &seed))
                for sku in product.skus {
                    let inner = writer.begin(3, expecting: Int.random(in: 0...400, using: &seed))
                    writer.string(2, sku.skuName)
                    writer.end(inner)
                }
                writer.end(outer)
            }
            #expect(writer.finish() == (try insights.serializedBytes() as [UInt8]))
        }
    }

    @Test(arguments: [1, 15, 16, 2_047, 2_048, 262_143, 262_144, 50_001, WireWriter.maximumFieldNumber])
    func tagsOfEveryWidth(field: Int) throws {
        var writer = WireWriter()
        writer.int64(field, 5)
        let expected = (UInt64(field) << 3).varint + [5]
        #expect(writer.finish() == expected)
    }

    @Test func varintWidths() {
        for shift in 0..<64 {
            for value in [UInt64(1) << shift, (UInt64(1) << shift) - 1, UInt64(1) << shift | 1] {
                #expect(WireBytes.varintWidth(value) == value.varint.count)
            }
        }
        #expect(WireBytes.varintWidth(.max) == 10)
    }

    @Test func memoryGoesBackToTheCaller() {
        var reply: [UInt8] = [1, 2]
        reply.reserveCapacity(512)
        let capacity = reply.capacity
        var writer = WireWriter(taking: &reply)
        #expect(reply.isEmpty)
        writer.raw([3])
        #expect(writer.count == 3)
        writer.finish(into: &reply)
        #expect(reply == [1, 2, 3])
        #expect(reply.capacity == capacity)
    }
}

extension UInt64 {
    /// The minimal varint, the slow way.
    fileprivate var varint: [UInt8] {
        self < 128 ? [UInt8(self)] : [UInt8(self % 128) + 128] + (self / 128).varint
    }
}
