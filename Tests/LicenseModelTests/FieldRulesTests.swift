import LicenseModel
import Tenancy
import Testing

/// What a field may hold, wherever it comes from: a fact, a request or an option.
@Suite struct FieldRulesTests {
    static let today = Day(number: 19_800)  // 2024-03-18

    @Test func sentencesNameTheField() {
        #expect(FieldError("as_of", "is after today (2024-03-18)").message == "as_of is after today (2024-03-18)")
        #expect(throws: FieldError("--to", "is not a day written YYYY-MM-DD, from 1970-01-01 to 9999-12-31")) {
            try FieldRules.day("2026/01/01", "--to")
        }
        #expect(throws: FieldError("x", "is required, as YYYY-MM-DD")) { try FieldRules.day("", "x") }
        #expect(throws: FieldError("x", "is required")) { try FieldRules.id("", "x") as CustomerID }
    }

    @Test func emptyIsAbsentWhereItMayBe() throws {
        #expect(try FieldRules.optionalDay("", "x") == nil)
        #expect(try FieldRules.optionalDay("2024-03-18", "x") == Self.today)
        #expect(try (FieldRules.optionalID("", "x") as CustomerID?) == nil)
        #expect(throws: FieldError.self) { try FieldRules.optionalID(" ", "x") as CustomerID? }
        #expect(throws: FieldError.self) { try FieldRules.optionalDay("tomorrow", "x") }
    }

    @Test func endsOfRanges() throws {
        #expect(try FieldRules.day("2024-03-18", notAfter: Self.today, "x") == Self.today)
        #expect(throws: FieldError.self) { try FieldRules.day("2024-03-19", notAfter: Self.today, "x") }
        let empty = try FieldRules.interval(start: "2024-03-18", "a", end: "2024-03-18", "b")
        #expect(empty.isEmpty)
        #expect(throws: FieldError("b", "is before the start (2024-03-18)")) {
            try FieldRules.interval(start: "2024-03-18", "a", end: "2024-03-17", "b")
        }
        #expect(try FieldRules.count(7, upTo: 7, "x") == 7)
        #expect(throws: FieldError("x", "is 8: it must be between 0 and 7")) { try FieldRules.count(8, upTo: 7, "x") }
        #expect(throws: FieldError.self) { try FieldRules.count(-1, upTo: 7, "x") }
    }

    /// Every code and the one that stands for another; the list in the refusal has them all.
    @Test func workloadCodes() throws {
        for workload in Workload.allCases { #expect(try FieldRules.workload(workload.code, "x") == workload) }
        #expect(try FieldRules.workload(Workload.oneDriveCode, "x") == .spo)
        let error = #expect(throws: FieldError.self) { try FieldRules.workload("exo", "x") }
        #expect(error?.reason == "is no workload code: one of APPS, CRM, EXO, SFB, SPO, TEAMS, YAM, ODB")
    }
}
