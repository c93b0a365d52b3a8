import Foundation
import InsightsAPI
import InsightsCore
import LicenseModel
import SwiftProtobuf
import Tenancy
import Testing

@testable import InsightsServer

/// Every hot reply equals swift-protobuf's serialization of an independently made message byte for byte, and
/// protobuf-c reads the same fields back.
@Suite struct ReplyEncodingTests {
    static let reaches: [LicenseReach] = [.own, .allPartners]

    /// The bytes of one encoder for rows of many seeds.
    private func check<Reply: Message & Equatable>(
        _ seeds: Range<UInt64>, witness: ([UInt8]) -> Reply?,
        _ make: (inout RowSeed, LicenseReach, inout [UInt8]) throws -> Reply
    ) throws {
        // The array is used again from reply to reply, as the engine does.
        var reply: [UInt8] = []
        for seed in seeds {
            for reach in Self.reaches {
                var random = RowSeed(seed)
                reply.removeAll(keepingCapacity: true)
                let expected = try make(&random, reach, &reply)
                let bytes: [UInt8] = try expected.serializedBytes()
                try #require(reply == bytes, "seed \(seed), \(reach)")
                try #require(witness(reply) == expected, "seed \(seed), \(reach), read by protobuf-c")
            }
        }
    }

    @Test func customers() throws {
        try check(0..<3_000, witness: ReplyWitness.customer) { random, reach, reply in
            let row = try random.customer()
            let revision = random.revision()
            InsightsReply.customer(row, reach: reach, revision: revision, into: &reply)
            return .with {
                $0.insights = ReplyOracle.customer(row, own: reach == .own)
                $0.revision = revision.onWire
            }
        }
    }

    @Test func portfolios() throws {
        try check(10_000..<11_000, witness: ReplyWitness.portfolio) { random, reach, reply in
            let row = try random.portfolio()
            let revision = random.revision()
            InsightsReply.portfolio(row, reach: reach, revision: revision, into: &reply)
            var expected = ReplyOracle.portfolio(row, own: reach == .own)
            expected.revision = revision.onWire
            return expected
        }
    }

    @Test func comparisons() throws {
        try check(20_000..<21_500, witness: ReplyWitness.comparison) { random, _, reply in
            let (products, day) = (try random.products(), random.day())
            let revision = random.revision()
            InsightsReply.comparison(products, asOf: day, revision: revision, into: &reply)
            var expected = ReplyOracle.comparison(products, day)
            expected.revision = revision.onWire
            return expected
        }
    }

    @Test func trends() throws {
        try check(30_000..<31_000, witness: ReplyWitness.trend) { random, reach, reply in
            let rows = random.trend()
            let revision = random.revision()
            InsightsReply.trend(rows, reach: reach, revision: revision, into: &reply)
            var expected = ReplyOracle.trend(rows, own: reach == .own)
            expected.revision = revision.onWire
            return expected
        }
    }

    @Test func lists() throws {
        try check(40_000..<40_200, witness: ReplyWitness.customers) { random, reach, reply in
            var rows: [CustomerInsightsRow] = []
            for _ in 0..<random.below(6) { rows.append(try random.customer()) }
            let token = random.chance(50) ? "" : random.text(atMost: 400)
            let total = random.chance(30) ? 0 : random.below(1 << 31)
            let revision = random.revision()
            InsightsReply.customers(
                rows, reach: reach, nextPageToken: token, total: total, revision: revision, into: &reply)
            return .with {
                $0.insights = rows.map { ReplyOracle.customer($0, own: reach == .own) }
                $0.nextPageToken = token
                $0.totalSize = Int32(total)
                $0.revision = revision.onWire
            }
        }
    }

    @Test func exports() throws {
        try check(50_000..<51_000, witness: ReplyWitness.export) { random, _, reply in
            let row = try random.customer()
            let chunk = Array(random.text(atMost: 300).utf8)
            let token = random.text(atMost: 60)
            let (total, done) = (random.below(20_000), random.below(20_000))
            var writer = WireWriter(taking: &reply)
            for product in row.products {
                writer.exportRow(ExportRecord(row.customer, on: row.asOf, product))
            }
            writer.exportTail(csvChunk: chunk, resumeToken: token, customersTotal: total, customersDone: done)
            let revision = random.revision()
            writer.revision(revision)
            writer.finish(into: &reply)
            return .with {
                $0.rows = row.products.map { ReplyOracle.exportRow(row.customer, row.asOf, $0) }
                $0.csvChunk.append(contentsOf: chunk)
                $0.resumeToken = token
                $0.customersTotal = Int64(total)
                $0.customersDone = Int64(done)
                $0.revision = revision.onWire
            }
        }
    }

    /// Names with NUL, which C cannot read back, are still written whole.
    @Test func textsWithNUL() throws {
        var random = RowSeed(7)
        var row = try random.customer()
        row.customer.name = "a\0b"
        var reply: [UInt8] = []
        InsightsReply.customer(row, reach: .allPartners, revision: .none, into: &reply)
        #expect(try PBGetCustomerInsightsResponse(serializedBytes: reply).insights.customerName == "a\0b")
    }

    @Test func totalsBeyondTheFieldAreClamped() throws {
        var reply: [UInt8] = []
        InsightsReply.customers([], reach: .own, nextPageToken: "", total: .max, revision: .none, into: &reply)
        #expect(try PBListCustomerInsightsResponse(serializedBytes: reply).totalSize == .max)
    }

    /// Days are written without an array, but as `Day` writes them.
    @Test func daysAsWords() {
        let edges = [Day.first, .last, Day(number: 11_016), Day(number: 11_017)]
        for day in edges + (0..<60_000).map({ Day(number: $0 * 47) }) {
            let text = DayText(day)
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: text.first >> ($0 * 8)) }
            #expect(bytes + [UInt8(text.last & 0xFF), UInt8(text.last >> 8)] == day.text)
        }
    }

    /// The customer of the definitions' worked example.
    @Test func workedExample() throws {
        var licenses = LicenseRow()
        (licenses.sold, licenses.entitled, licenses.trial, licenses.uncounted) = (14, 10, 3, 4)
        (licenses.assigned, licenses.assignedLower, licenses.assignedUpper) = (13, 13, 14)
        licenses.deploymentSold = licenses.sold
        var usage = UsageRow()
        (usage.active, usage.totalUsers, usage.entitlements) = (20, 15, 15)
        usage.ratioActive = usage.active
        #expect(licenses.isExact == false)
        #expect(licenses.deployment?.percent == 100 * 13.0 / 14)
        #expect(usage.usage?.percent == 100 * 20.0 / 15)
        #expect(usage.usage?.definition == .activeUsersPerTotalUsers)
        usage.totalUsers = 0
        #expect(usage.usage?.percent == nil)
        #expect(usage.usage?.denominator == 0)
    }

    @Test func exportLeavesOutOnlyRowsOfReportedZeros() throws {
        var random = RowSeed(1)
        var customer = try random.customer().customer
        customer.coverage = CoverageRow()
        func isAllZero(_ row: ProductRow) -> Bool { ExportRecord(customer, on: .first, row).isAllZero }
        let zero = ProductRow(
            product: .office365, own: LicenseRow(), all: LicenseRow(), usage: UsageRow(), skus: [], workloads: [])
        #expect(isAllZero(zero))
        var row = zero
        row.usage.reported.remove(.activity)
        #expect(!isAllZero(row))
        row = zero
        row.all.reported.remove(.assignments)
        #expect(!isAllZero(row))
        row = zero
        row.usage.active = 1
        #expect(!isAllZero(row))
        row = zero
        row.all.assignedUnsold = 1
        #expect(!isAllZero(row))
        // Activity is reported, but in no workload of the product.
        customer.coverage.report(.first, in: WorkloadSet([.exo]))
        row.usage.reported.remove(.activity)
        #expect(!isAllZero(row))
        row.all.assignedUnsold = 0
        #expect(isAllZero(row))
        row.all.reported.remove(.subscriptions)
        #expect(!isAllZero(row))
    }

    /// The columns of the CSV are the fields of `ExportRow`, by name and in the order of the numbers.
    @Test func columnsAreTheFieldsOfARow() throws {
        let names = try MessageFields.of("ExportRow").map(\.name)
        #expect(ExportRecord.columnNames == names)
    }

    /// What stands in a field stands in the column.
    @Test func linesSayWhatRowsSay() throws {
        for seed in UInt64(60_000)..<60_300 {
            var random = RowSeed(seed)
            let row = try random.customer()
            for product in row.products {
                let record = ExportRecord(row.customer, on: row.asOf, product)
                let expected = ReplyOracle.exportRow(row.customer, row.asOf, product)
                for language in Language.allCases {
                    var line: [UInt8] = []
                    ExportCSV(language: language, byteOrderMark: false).row(record, into: &line)
                    try #require(
                        String(decoding: line, as: UTF8.self) == Self.line(expected, language),
                        "seed \(seed) \(language)")
                }
            }
        }
    }

    /// Dutch has semicolons between fields and commas in numbers.
    private static func line(_ row: PBExportRow, _ language: Language) -> String {
        let separator: Unicode.Scalar = language == .dutch ? ";" : ","
        func text(_ text: String) -> String {
            let first = text.unicodeScalars.first.map { "=+-@\t\r\n＝＋－＠".unicodeScalars.contains($0) } ?? false
            let neutral = first ? "'" + text : text
            let special = ["\"", separator, "\r", "\n"]
            guard neutral.unicodeScalars.contains(where: special.contains) else { return neutral }
            // By scalars: a combining mark after a quote does not make it another character.
            let doubled = neutral.unicodeScalars.flatMap { $0 == "\"" ? [$0, $0] : [$0] }
            return "\"" + String(String.UnicodeScalarView(doubled)) + "\""
        }
        func count(_ value: Int64, _ isThere: Bool) -> String { isThere ? "\(value)" : "" }
        func percent(_ value: Double, _ isThere: Bool) -> String {
            let text = isThere ? "\(value)" : ""
            return language == .dutch ? text.split(separator: ".").joined(separator: ",") : text
        }
        let figures = [
            count(row.ownSold, row.hasOwnSold), count(row.ownEntitled, row.hasOwnEntitled),
            count(row.allSold, row.hasAllSold), count(row.allEntitled, row.hasAllEntitled),
            count(row.trial, row.hasTrial), count(row.uncounted, row.hasUncounted),
            count(row.assigned, row.hasAssigned), count(row.assignedUnsold, row.hasAssignedUnsold),
            percent(row.deploymentPercent, row.hasDeploymentPercent), count(row.activeUsers, row.hasActiveUsers),
            count(row.totalUsers, row.hasTotalUsers), count(row.entitlements, row.hasEntitlements),
            percent(row.usagePercent, row.hasUsagePercent),
            percent(row.usagePerEntitlementPercent, row.hasUsagePerEntitlementPercent),
        ]
        let product = row.product == .office365 ? "OFFICE_365" : "DYNAMICS_365"
        let fields =
            [row.date, text(row.customerID), text(row.customerName), text(row.market), product] + figures
            + [row.subscriptionsThrough, row.assignmentsThrough, row.activityThrough]
        return fields.joined(separator: String(separator)) + "\r\n"
    }
}

extension RowSeed {
    /// None at times, which is left out.
    fileprivate mutating func revision() -> Revision {
        Revision(number: chance(10) ? 0 : Int64(bitPattern: next() >> UInt64(1 + below(60))))
    }
}
