import Cryptography
import Foundation
import InsightsAPI
import LicenseModel
import SwiftProtobuf
import Testing

@testable import InsightsServer

@Suite struct PageTokenTests {
    static let tokens = PageTokens(secret: Array(0..<32))
    static let position = PagePosition(
        revision: Revision(number: 42), asOf: Day(number: 19_800), key: ["customer-7", "text", "größe"])

    static func query(
        partner: String = "p", method: String = "/s/List",
        _ change: (inout PBListCustomerInsightsRequest) -> Void = { _ in }
    ) throws -> PageQuery {
        var request = PBListCustomerInsightsRequest.with {
            ($0.filter, $0.orderBy, $0.scope) = ("usage < 40", "sold desc", .own)
        }
        change(&request)
        return try PageQuery(partner: partner, method: method, request: request)
    }

    static func invalid(_ token: String, _ query: PageQuery) -> Bool {
        do {
            return try tokens.position(of: token, for: query) == nil && !token.isEmpty
        } catch {
            return error
                == FieldError(
                    "page_token", "is not a token of this list for these fields: start again with the first page")
        }
    }

    @Test func positionsComeBack() throws {
        let query = try Self.query()
        var random = RowSeed(1)
        for _ in 0..<500 {
            let position = PagePosition(
                revision: Revision(number: random.count()), asOf: random.chance(50) ? random.day() : nil,
                key: (0..<random.below(5)).map { _ in random.text(atMost: 80) })
            let token = Self.tokens.token(for: query, at: position)
            #expect(try Self.tokens.position(of: token, for: query) == position)
            #expect(token.utf8.allSatisfy { $0 < 128 && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "+") })
        }
        #expect(try Self.tokens.position(of: "", for: query) == nil)
    }

    @Test func pageSizeMayChangeAndNothingElse() throws {
        let token = Self.tokens.token(for: try Self.query(), at: Self.position)
        let bigger = try Self.query { ($0.pageSize, $0.pageToken) = (7, token) }
        #expect(try Self.tokens.position(of: token, for: bigger) == Self.position)
        for query in [
            try Self.query(partner: "q"), try Self.query(partner: ""), try Self.query(partner: "p/s"),
            try Self.query(method: "/s/Lost"), try Self.query(partner: "P"),
            try Self.query { $0.filter = "usage < 41" },
            try Self.query { $0.filter = "" }, try Self.query { $0.orderBy = "sold" },
            try Self.query { $0.scope = .allPartners }, try Self.query { $0.asOf = "2024-01-01" },
            try Self.query { $0.products = [.office365] },
        ] {
            #expect(Self.invalid(token, query))
        }
        #expect(throws: FieldError.self) {
            try PageTokens(secret: Array(1..<33)).position(of: token, for: try Self.query())
        }
    }

    /// A boundary between partner and method cannot be moved.
    @Test func partsOfTheQueryAreNotRunTogether() throws {
        let left = PageQuery(partner: "ab", method: "c", digest: [1, 2])
        let token = Self.tokens.token(for: left, at: Self.position)
        #expect(Self.invalid(token, PageQuery(partner: "a", method: "bc", digest: [1, 2])))
        #expect(Self.invalid(token, PageQuery(partner: "ab", method: "c\u{1}", digest: [2])))
    }

    @Test func everyChangedBitIsRefused() throws {
        let query = try Self.query()
        let text = Array(Self.tokens.token(for: query, at: Self.position).utf8)
        for index in text.indices {
            for bit in 0..<7 as Range<UInt8> {
                var changed = text
                changed[index] ^= 1 << bit
                #expect(Self.invalid(String(decoding: changed, as: UTF8.self), query))
            }
        }
        for length in 1..<text.count {
            #expect(Self.invalid(String(decoding: text.prefix(length), as: UTF8.self), query))
        }
        #expect(Self.invalid(String(decoding: text + text, as: UTF8.self), query))
        #expect(Self.invalid(String(decoding: text, as: UTF8.self) + "A", query))
    }

    @Test func anyTextIsRefused() throws {
        let query = try Self.query()
        var random = RowSeed(9)
        for _ in 0..<2_000 {
            let bytes = (0..<1 + random.below(60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(Self.invalid(Base64URL.text(of: bytes), query))
            #expect(Self.invalid(random.text(atMost: 60) + "x", query))
        }
        #expect(Self.invalid(String(repeating: "A", count: 5_000_000), query))
    }
}
