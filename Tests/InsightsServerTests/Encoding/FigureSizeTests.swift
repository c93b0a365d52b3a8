import Foundation
import InsightsAPI
import InsightsCore
import LicenseModel
import SwiftProtobuf
import Tenancy
import Testing

@testable import InsightsServer

/// The fields of a message of the public API, from its descriptor.
enum MessageFields {
    struct Field: Hashable {
        let number: Int
        let name: String
    }

    /// In the order of the numbers.
    static func of(_ message: String) throws -> [Field] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../Sources/InsightsServer/Reflection/descriptors.binpb")
        let set = try Google_Protobuf_FileDescriptorSet(serializedBytes: try Data(contentsOf: file))
        let descriptor = try #require(
            set.file.filter { $0.package == "partner.insights.v1" }.flatMap(\.messageType).first { $0.name == message })
        return descriptor.field.map { Field(number: Int($0.number), name: $0.name) }.sorted { $0.number < $1.number }
    }
}

/// Figures of the largest size are written whole: the room that encoders reserve is what they need.
@Suite struct FigureSizeTests {
    private static var licenses: LicenseRow {
        var row = LicenseRow()
        (row.sold, row.entitled, row.trial, row.uncounted) = (-1, -2, -3, -4)
        (row.assigned, row.assignedUnsold, row.assignedLower, row.assignedUpper) = (-5, -6, -7, -8)
        row.deploymentSold = -9
        return row
    }

    private static var usage: UsageRow {
        var row = UsageRow()
        (row.active, row.totalUsers, row.entitlements, row.ratioActive) = (-1, -2, -3, -4)
        return row
    }

    /// Every count of a row takes ten bytes; whoever adds one adds it here too.
    @Test func extremesAreInEveryCount() {
        for row in [Self.licenses, Self.usage] as [Any] {
            let counts = Mirror(reflecting: row).children.compactMap { $0.value as? Int64 }
            #expect(!counts.isEmpty && counts.allSatisfy { $0 < 0 }, "\(row)")
        }
    }

    @Test func roomIsWhatTheLargestFiguresTake() throws {
        let row = TrendRow(
            day: .last, product: .dynamics365, own: Self.licenses, all: Self.licenses, usage: Self.usage)
        var reply: [UInt8] = []
        InsightsReply.trend([row], reach: .own, revision: .none, into: &reply)
        let expected = ReplyOracle.trend([row], own: true)
        #expect(reply == (try expected.serializedBytes() as [UInt8]))
        let point = try #require(expected.points.first)
        #expect(try point.licenses.serializedData().count == FigureSize.licenses)
        #expect(try point.usage.serializedData().count == FigureSize.usage)
        #expect(try point.licenses.deployment.serializedData().count + 2 == FigureSize.ratio)
    }

    /// Every workload with its day: the message of them all has a length of two bytes, those of each one byte.
    @Test func roomIsWhatTheLongestCoverageTakes() throws {
        let row = CustomerInsightsRow(
            customer: CustomerRow(
                customer: try CustomerID("c"), name: "", market: "", since: .first,
                coverage: CoverageRow(subscriptions: .last, assignments: .last, activity: .last)),
            asOf: .last, products: [], uncatalogued: UncataloguedSkus())
        var reply: [UInt8] = []
        InsightsReply.customer(row, reach: .own, revision: .none, into: &reply)
        let freshness = try PBGetCustomerInsightsResponse(serializedBytes: reply).insights.freshness
        let sizes = try freshness.workloads.map { try $0.serializedData().count + 2 }
        #expect(sizes.max() == FigureSize.workloadCoverage && freshness.workloads.count == Workload.count)
        #expect(try freshness.serializedData().count > 0x7F)
    }

    /// Nothing of a message is left out that its proto has.
    @Test func everyFieldIsWritten() throws {
        let row = TrendRow(
            day: .last, product: .dynamics365, own: Self.licenses, all: Self.licenses, usage: Self.usage)
        var reply: [UInt8] = []
        InsightsReply.trend([row], reach: .own, revision: .none, into: &reply)
        let point = try #require(try PBGetTrendResponse(serializedBytes: reply).points.first)
        func names(_ message: any Message) throws -> Set<String> {
            var options = JSONEncodingOptions()
            options.preserveProtoFieldNames = true
            let json: Data = try message.jsonUTF8Bytes(options: options)
            let object = try JSONSerialization.jsonObject(with: json)
            return Set((object as? [String: Any] ?? [:]).keys)
        }
        #expect(try names(point.licenses) == Set(try MessageFields.of("LicenseFigures").map(\.name)))
        #expect(try names(point.usage) == Set(try MessageFields.of("UsageFigures").map(\.name)))
        #expect(try names(point.licenses.deployment) == Set(try MessageFields.of("Ratio").map(\.name)))
    }

    /// Lengths of two bytes and more are written as lengths and never cut.
    @Test(arguments: [0, 1, 126, 127, 128, 129, 255, 256, 16_383, 16_384, 70_000])
    func lengthsAreNeverCut(_ count: Int) throws {
        var writer = WireWriter()
        writer.string(1, "before")
        writer.put(count + 8) { raw, position in
            let start = WireBytes.beginShort(2, to: &raw, at: &position)
            for place in 0..<count { WireBytes.byte(UInt8(truncatingIfNeeded: place), to: &raw, at: &position) }
            WireBytes.endShort(start, to: &raw, at: &position)
        }
        writer.string(3, "behind")
        let bytes = writer.finish()
        var expected = WireWriter()
        expected.string(1, "before")
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let mark = expected.begin(2)
        expected.raw(content)
        expected.end(mark)
        expected.string(3, "behind")
        let whole = expected.finish()
        #expect(bytes == whole)
    }
}
