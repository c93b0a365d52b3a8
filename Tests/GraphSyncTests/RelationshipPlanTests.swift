import InsightsAPI
import LicenseModel
import Testing

@testable import GraphSync

/// Which relationships a synchronization tells, of those that the server knows.
struct RelationshipPlanTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// `partner start end`; without an end it is open.
        var known: [String] = []
        var firstDay = "2025-06-01"
        var told: String?
        var isFirstHistory = false
        /// `start end`.
        var facts: [String]
        var start: String?
    }

    static let cases = [
        Case("none known", facts: ["2025-06-01"], start: "2025-06-01"),
        Case(
            "none known, and nothing that tells of days before", firstDay: "2026-03-10", facts: ["2026-03-10"],
            start: "2026-03-10"),
        Case(
            "of other partners", known: ["other 2024-01-01", "me-too 2024-01-01 2025-01-01"], facts: ["2025-06-01"],
            start: "2025-06-01"),
        Case(
            "of 99 others", known: (0..<99).map { "other-\($0) 2024-01-01" }, facts: ["2025-06-01"],
            start: "2025-06-01"),
        Case("of so many others that the answer was cut", known: (0..<100).map { "other-\($0) 2024-01-01" }, facts: []),
        Case(
            "own among as many", known: (0..<99).map { "other-\($0) 2024-01-01" } + ["me 2024-01-01 2025-01-01"],
            facts: ["2026-03-10"], start: "2026-03-10"),
        Case("open", known: ["me 2024-01-01"], facts: []),
        Case("open, and later than the history", known: ["me 2026-01-01"], facts: []),
        Case("begins in the future", known: ["me 2026-05-01"], facts: []),
        Case("ends in the future", known: ["me 2024-01-01 2026-03-11"], facts: []),
        Case("ended yesterday", known: ["me 2024-01-01 2026-03-09"], facts: ["2026-03-10"], start: "2026-03-10"),
        Case("ends today: half-open", known: ["me 2024-01-01 2026-03-10"], facts: ["2026-03-10"], start: "2026-03-10"),
        Case("taken back", known: ["me 2024-01-01 2024-01-01"], facts: ["2026-03-10"], start: "2026-03-10"),
        Case("ended, then open", known: ["me 2025-01-01", "me 2023-01-01 2024-01-01"], facts: []),
        Case(
            "ended twice", known: ["me 2025-01-01 2025-02-01", "me 2023-01-01 2024-01-01"], facts: ["2026-03-10"],
            start: "2026-03-10"),
        Case(
            "history that comes later", known: ["me 2026-03-01"], told: "2026-03-01", isFirstHistory: true,
            facts: ["2025-06-01", "2026-03-01 2026-03-01"], start: "2025-06-01"),
        Case("history without news", known: ["me 2025-06-01"], told: "2025-06-01", isFirstHistory: true, facts: []),
        Case(
            "history that begins later", known: ["me 2025-01-01"], told: "2025-01-01", isFirstHistory: true, facts: []),
        Case("a later list is no history", known: ["me 2026-03-01"], told: "2026-03-01", facts: []),
        Case("somebody else told the start", known: ["me 2026-03-01"], isFirstHistory: true, facts: []),
        Case(
            "somebody else moved the start", known: ["me 2026-02-01"], told: "2026-03-01", isFirstHistory: true,
            facts: []),
        Case(
            "somebody else told an end", known: ["me 2026-03-01 2026-04-01"], told: "2026-03-01", isFirstHistory: true,
            facts: []),
        Case(
            "somebody else told an earlier one", known: ["me 2024-01-01 2025-01-01", "me 2026-03-01"],
            told: "2026-03-01", isFirstHistory: true, facts: []),
    ]

    private func relationship(_ text: String) throws -> KnownCustomer.Relationship {
        let words = text.split(separator: " ").map(String.init)
        return KnownCustomer.Relationship(
            partnerID: words[0], start: try #require(Day(words[1])), end: words.count > 2 ? Day(words[2]) : nil)
    }

    @Test(arguments: cases)
    func told(_ example: Case) throws {
        let plan = RelationshipPlan(partnerID: "me", customerID: "c", today: try #require(Day("2026-03-10")))
        let known = try example.known.map(relationship)
        for known in [known, known.reversed()] {
            let made = plan.facts(
                known: known, firstDay: try #require(Day(example.firstDay)), told: example.told.flatMap { Day($0) },
                isFirstHistory: example.isFirstHistory)
            let facts = made.facts.map(\.relationship)
            #expect(facts.map { $0.endDate.isEmpty ? $0.startDate : "\($0.startDate) \($0.endDate)" } == example.facts)
            #expect(facts.allSatisfy { $0.partnerID == "me" && $0.customerID == "c" })
            #expect(made.start?.description == example.start)
        }
    }
}

extension RelationshipPlanTests.Case {
    init(
        _ description: String, known: [String] = [], firstDay: String = "2025-06-01", told: String? = nil,
        isFirstHistory: Bool = false, facts: [String], start: String? = nil
    ) {
        self.init(
            testDescription: description, known: known, firstDay: firstDay, told: told,
            isFirstHistory: isFirstHistory, facts: facts, start: start)
    }
}
