import InsightsAPI
import InsightsCore
import LicenseModel
import SwiftProtobuf
import Tenancy
import Testing

@testable import InsightsServer

@Suite struct RequestFieldsTests {
    static let today = Day(number: 19_800)  // 2024-03-18

    @Test func asOf() throws {
        #expect(try RequestFields.asOf("", today: Self.today) == nil)
        #expect(try RequestFields.asOf("2024-03-18", today: Self.today) == Self.today)
        #expect(throws: FieldError("as_of", "is after today (2024-03-18)")) {
            try RequestFields.asOf("2024-03-19", today: Self.today)
        }
        for text in [
            " 2024-03-18", "2024-03-18 ", "2024-3-18", "2024-02-30", "1969-12-31", "20240318", "2024/03/18",
            "２024-03-1",
            "0000-01-01", "2023-02-29", "2024-00-10", "2024-01-00", "-024-01-01", "2024-03-1\0", "today",
        ] {
            #expect(throws: FieldError("as_of", "is not a day written YYYY-MM-DD, from 1970-01-01 to 9999-12-31")) {
                try RequestFields.asOf(text, today: Self.today)
            }
        }
    }

    @Test func products() throws {
        #expect(try RequestFields.products([]) == [.office365, .dynamics365])
        #expect(
            try RequestFields.products([.dynamics365, .office365, .dynamics365]) == [.office365, .dynamics365])
        #expect(try RequestFields.products([.dynamics365]) == [.dynamics365])
        #expect(throws: FieldError("products[1]", "may not be PRODUCT_UNSPECIFIED")) {
            try RequestFields.products([.office365, .unspecified])
        }
        for number in [3, 99, 256, 257, -1, Int(Int32.min)] {
            #expect(throws: FieldError("products[0]", "has no value \(number)")) {
                try RequestFields.products([.UNRECOGNIZED(number)])
            }
        }
    }

    @Test func scopeAndPageSize() throws {
        #expect(try RequestFields.reach(.unspecified) == .allPartners)
        #expect(try RequestFields.reach(.allPartners) == .allPartners)
        #expect(try RequestFields.reach(.own) == .own)
        #expect(throws: FieldError("scope", "has no value 3")) { try RequestFields.reach(.UNRECOGNIZED(3)) }
        #expect(try RequestFields.pageSize(0) == 50)
        #expect(try RequestFields.pageSize(1) == 1)
        #expect(try RequestFields.pageSize(.max) == 1_000)
        #expect(try RequestFields.pageSize(20_000, default: 1_000, maximum: 10_000) == 10_000)
        for size in [-1, Int32.min] {
            #expect(throws: FieldError("page_size", "is \(size): it must be between 0 and 1000")) {
                try RequestFields.pageSize(size)
            }
        }
    }

    @Test func idsAreNeverTrimmed() throws {
        #expect(try RequestFields.customer("c").text == "c")
        #expect(try RequestFields.optionalCustomer("") == nil)
        for text in ["", " c", "c ", "c\n", "é", String(repeating: "x", count: 129)] {
            #expect(throws: FieldError.self) { try RequestFields.customer(text) }
        }
        #expect(throws: FieldError("customer_id", "is longer than 128 characters")) {
            try RequestFields.optionalCustomer(String(repeating: "x", count: 4_000_000))
        }
        #expect(throws: FieldError("customer_id", "is required")) { try RequestFields.customer("") }
    }

    @Test func ranges() throws {
        let last = Self.today.advanced(by: -399)
        let range = try RequestFields.range(start: last.description, end: "2024-03-18", today: Self.today)
        #expect(range == last...Self.today)
        #expect(throws: FieldError("end_date", "makes a range of 401 days: at most 400")) {
            try RequestFields.range(
                start: last.advanced(by: -1).description, end: "2024-03-18", today: Self.today)
        }
        #expect(throws: FieldError("end_date", "is before start_date (2024-03-18)")) {
            try RequestFields.range(start: "2024-03-18", end: "2024-03-17", today: Self.today)
        }
        #expect(throws: FieldError("start_date", "is required, as YYYY-MM-DD")) {
            try RequestFields.range(start: "", end: "2024-03-17", today: Self.today)
        }
        #expect(throws: FieldError("end_date", "is after today (2024-03-18)")) {
            try RequestFields.range(start: "2024-03-17", end: "2024-03-19", today: Self.today)
        }
    }

    @Test func workloadsAndSubjects() throws {
        #expect(try RequestFields.optionalWorkload("") == nil)
        #expect(try RequestFields.optionalWorkload("ODB") == .spo)
        #expect(throws: FieldError.self) { try RequestFields.optionalWorkload("exo") }
        #expect(try RequestFields.subject(product: .office365, workloadCode: "") == .product(.office365))
        #expect(try RequestFields.subject(product: .unspecified, workloadCode: "YAM") == .workload(.yam))
        for (product, code) in [(PBProduct.office365, "YAM"), (.unspecified, ""), (.UNRECOGNIZED(8), "")] {
            #expect(throws: FieldError.self) { try RequestFields.subject(product: product, workloadCode: code) }
        }
    }

    @Test func statusNamesTheField() throws {
        let error = FieldError("as_of", "is after today (2024-03-18)")
        let status = try Google_Rpc_Status(serializedBytes: Refusal.badField(error).details)
        #expect(status.code == 3)
        #expect(status.message == "as_of is after today (2024-03-18)")
        let request = try Google_Rpc_BadRequest(unpackingAny: status.details[0])
        #expect(request.fieldViolations.map(\.field) == ["as_of"])
        #expect(request.fieldViolations.map(\.description_p) == ["is after today (2024-03-18)"])
    }
}
