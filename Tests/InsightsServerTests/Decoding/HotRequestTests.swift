import Foundation
import InsightsAPI
import LicenseModel
import SwiftProtobuf
import Tenancy
import Testing

@testable import InsightsServer

/// The hand decoders agree with swift-protobuf on what is a message and on what it says, for any bytes.
@Suite struct HotRequestTests {
    static let today = Day(number: 19_800)

    /// What a request comes to: no message, a bad field, or a question.
    enum Outcome<Query: Equatable>: Equatable {
        case malformed
        case bad(FieldError)
        case good(Query)
    }

    static func byHand(_ bytes: [UInt8]) -> Outcome<CustomerInsightsQuery> {
        do {
            let fields = try CustomerInsightsFields(decoding: bytes.span.bytes)
            return .good(try fields.validated(today: today))
        } catch let error as FieldError {
            return .bad(error)
        } catch {
            return .malformed
        }
    }

    static func byLibrary(_ bytes: [UInt8]) -> Outcome<CustomerInsightsQuery> {
        do {
            let request = try PBGetCustomerInsightsRequest(serializedBytes: bytes)
            return .good(
                CustomerInsightsQuery(
                    customer: try RequestFields.customer(request.customerID),
                    asOf: try RequestFields.asOf(request.asOf, today: today),
                    reach: try RequestFields.reach(request.scope),
                    products: try RequestFields.products(request.products),
                    minRevision: request.minRevision))
        } catch let error as FieldError {
            return .bad(error)
        } catch {
            return .malformed
        }
    }

    static func compareByHand(_ bytes: [UInt8]) -> Outcome<CompareLicensesQuery> {
        do {
            let fields = try CompareLicensesFields(decoding: bytes.span.bytes)
            return .good(try fields.validated(today: today))
        } catch let error as FieldError {
            return .bad(error)
        } catch {
            return .malformed
        }
    }

    static func compareByLibrary(_ bytes: [UInt8]) -> Outcome<CompareLicensesQuery> {
        do {
            let request = try PBCompareLicensesRequest(serializedBytes: bytes)
            return .good(
                CompareLicensesQuery(
                    customer: try RequestFields.optionalCustomer(request.customerID),
                    asOf: try RequestFields.asOf(request.asOf, today: today),
                    products: try RequestFields.products(request.products),
                    minRevision: request.minRevision))
        } catch let error as FieldError {
            return .bad(error)
        } catch {
            return .malformed
        }
    }

    static func agree(_ bytes: [UInt8]) throws {
        try #require(byHand(bytes) == byLibrary(bytes), "\(bytes)")
        try #require(compareByHand(bytes) == compareByLibrary(bytes), "\(bytes)")
        // Also the raw texts, which validation could hide.
        if let request = try? PBGetCustomerInsightsRequest(serializedBytes: bytes) {
            let fields = try CustomerInsightsFields(decoding: bytes.span.bytes)
            try #require(fields.customerID == request.customerID && fields.asOf == request.asOf)
            try #require(Int(fields.scope) == request.scope.rawValue)
            try #require(fields.products.count == request.products.count)
        }
    }

    /// A message put together from pieces: known fields of any form, unknown ones, groups, several times each.
    static func message(_ random: inout RowSeed) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<random.below(7) {
            let field = random.chance(80) ? [1, 2, 3, 4, 5, 15][random.below(6)] : 1 + random.below(20_000)
            switch random.below(12) {
            case 0...3: bytes += text(field, random.chance(50) ? "c-1" : "2024-02-29")
            case 4: bytes += text(field, random.text(atMost: 20))
            case 5, 6: bytes += tag(field, 0) + varint(UInt64(random.below(4)))
            case 7: bytes += tag(field, 0) + varint(random.next() >> UInt64(random.below(64)))
            case 8: bytes += body(field, (0..<random.below(5)).flatMap { _ in varint(UInt64(random.below(3))) })
            case 9: bytes += body(field, (0..<random.below(9)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            case 10: bytes += tag(field, random.chance(50) ? 1 : 5) + Array(repeating: 0x61, count: 4 + random.below(5))
            default: bytes += group(field, depth: random.below(3), &random)
            }
        }
        return bytes
    }

    static func group(_ field: Int, depth: Int, _ random: inout RowSeed) -> [UInt8] {
        let inner = depth == 0 ? text(3, "x") : group(1 + random.below(30), depth: depth - 1, &random)
        return tag(field, 3) + inner + tag(random.chance(90) ? field : field + 1, 4)
    }

    static func varint(_ value: UInt64) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value % 128) + 128] + varint(value / 128)
    }

    static func tag(_ field: Int, _ type: UInt8) -> [UInt8] { varint(UInt64(field) << 3 | UInt64(type)) }
    static func body(_ field: Int, _ body: [UInt8]) -> [UInt8] { tag(field, 2) + varint(UInt64(body.count)) + body }
    static func text(_ field: Int, _ text: String) -> [UInt8] { body(field, Array(text.utf8)) }

    @Test func wholeRequests() throws {
        var random = RowSeed(1)
        for _ in 0..<2_000 {
            var request = PBGetCustomerInsightsRequest()
            request.customerID = random.chance(90) ? "customer-\(random.below(100))" : random.text(atMost: 200)
            request.asOf = random.chance(60) ? Day(number: Int32(19_700 + random.below(150))).description : ""
            request.scope = [.unspecified, .own, .allPartners, .UNRECOGNIZED(7)][random.below(4)]
            request.minRevision = random.next() >> UInt64(random.below(64))
            for _ in 0..<random.below(4) {
                request.products.append([.office365, .dynamics365, .unspecified, .UNRECOGNIZED(-3)][random.below(4)])
            }
            try Self.agree(try request.serializedBytes())
        }
        let request = PBGetCustomerInsightsRequest.with {
            $0.customerID = "c"
            $0.asOf = "2024-02-29"
            $0.scope = .own
            $0.products = [.dynamics365, .office365, .dynamics365]
            $0.minRevision = 1 << 40
        }
        #expect(
            Self.byHand(try request.serializedBytes())
                == .good(
                    CustomerInsightsQuery(
                        customer: try CustomerID("c"), asOf: Day("2024-02-29"), reach: .own,
                        products: [.office365, .dynamics365], minRevision: 1 << 40)))
    }

    @Test func piecesAndMutations() throws {
        for seed in 0..<8_000 as Range<UInt64> {
            var random = RowSeed(seed)
            var bytes = Self.message(&random)
            try Self.agree(bytes)
            for _ in 0..<3 where !bytes.isEmpty {
                switch random.below(4) {
                case 0: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
                case 1: bytes.removeSubrange(random.below(bytes.count)...)
                case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: random.below(bytes.count + 1))
                default: bytes.remove(at: random.below(bytes.count))
                }
                try Self.agree(bytes)
            }
        }
    }

    @Test func randomBytes() throws {
        var random = RowSeed(3)
        for _ in 0..<12_000 {
            try Self.agree((0..<random.below(24)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        }
    }

    @Test func everyPrefixOfAMessage() throws {
        let bytes =
            Self.text(1, "customer-é") + Self.text(2, "2024-02-29") + Self.tag(3, 0) + [1] + Self.body(4, [1, 2])
            + Self.tag(900, 3) + Self.text(5, "x") + Self.tag(900, 4) + Self.tag(4, 0) + Self.varint(.max)
        for length in 0...bytes.count { try Self.agree(Array(bytes.prefix(length))) }
    }

    @Test(arguments: [
        [0x0A, 0x01, 0xFF], [0x0A, 0x02, 0xC0, 0x80], [0x0A, 0x03, 0xED, 0xA0, 0x80],
        [0x0A, 0x04, 0xF4, 0x90, 0x80, 0x80], [0x12, 0x01, 0x80],
    ])
    func invalidUTF8IsRefusedEvenWhenAGoodValueFollows(bytes: [UInt8]) throws {
        #expect(Self.byHand(bytes + Self.text(1, "c") + Self.text(2, "2024-02-29")) == .malformed)
        try Self.agree(bytes + Self.text(1, "c") + Self.text(2, "2024-02-29"))
    }

    @Test func theLastValueWins() throws {
        let bytes = Self.text(1, "first") + Self.tag(3, 0) + [1] + Self.text(1, "last") + Self.tag(3, 0) + [2]
        try Self.agree(bytes)
        let fields = try CustomerInsightsFields(decoding: bytes.span.bytes)
        #expect(fields.customerID == "last" && fields.scope == 2)
        let empty = bytes + Self.text(1, "")
        #expect(try CustomerInsightsFields(decoding: empty.span.bytes).customerID == "")
    }

    /// The deepest nesting that swift-protobuf takes is the deepest taken here.
    @Test func groupDepth() throws {
        for depth in 90...110 {
            let bytes =
                Self.text(1, "c") + Array(repeating: Self.tag(77, 3), count: depth).flatMap { $0 }
                + Array(repeating: Self.tag(77, 4), count: depth).flatMap { $0 }
            try Self.agree(bytes)
        }
        let bomb = Array(repeating: UInt8(0x0B), count: 1_000_000)
        #expect(Self.byHand(bomb) == .malformed)
    }

    @Test func edgesOfVarintsTagsAndLengths() throws {
        let long = Array(repeating: UInt8(0x80), count: 9)
        let cases: [[UInt8]] = [
            [0x18] + long + [0x01], [0x18] + long + [0x7F], [0x18] + long + [0x80, 0x01], [0x18] + long,
            // Tags of five bytes and more, field 0, wire types 6 and 7, an end of a group.
            [0x8A, 0x80, 0x80, 0x80, 0x00, 0x01, 0x61], [0x8A, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01, 0x61],
            [0xFA, 0xFF, 0xFF, 0xFF, 0x0F, 0x00], [0xFA, 0xFF, 0xFF, 0xFF, 0x1F, 0x00],
            [0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 0x00], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00],
            [0x00, 0x00], [0x02, 0x00], [0x0E, 0x00], [0x0F, 0x00], [0x0C], [0x0B, 0x0C], [0x0B, 0x14],
            [0x0B, 0x00, 0x0C], [0x0B, 0x8C, 0x80, 0x80, 0x80, 0x80, 0x00],
            [0x0A], [0x0A, 0x02, 0x61], [0x0A] + long + [0x01], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07],
            [0x09, 1, 2, 3, 4, 5, 6, 7], [0x09, 1, 2, 3, 4, 5, 6, 7, 8], [0x0D, 1, 2, 3], [0x0D, 1, 2, 3, 4],
            [0x22, 0x02, 0x80, 0x01], [0x22, 0x01, 0x80], [0x22, 0x00], [0x20, 0x80],
        ]
        for bytes in cases { try Self.agree(bytes) }
    }

    @Test func aMillionProductsTakeNoMemory() throws {
        let bytes = Self.text(1, "c") + Array(repeating: [0x20, 0x01], count: 500_000).flatMap { $0 }
        let fields = try CustomerInsightsFields(decoding: bytes.span.bytes)
        #expect(fields.products.count == 500_000)
        #expect(try fields.validated(today: Self.today).products == [.office365])
    }
}
