import InsightsCore
import LicenseModel
import Tenancy
import Testing

@testable import InsightsServer

/// A customer as filters see it.
struct FigureRow {
    let texts: CustomerTexts
    let sums: CustomerSums

    init(
        customerID: String, customerName: String, market: String, sold: Int64? = nil, assigned: Int64? = nil,
        activeUsers: Int64? = nil, deployment: Fraction? = nil, usage: Fraction? = nil
    ) {
        texts = CustomerTexts(id: customerID, name: customerName, market: market)
        sums = CustomerSums(
            sold: sold, assigned: assigned, activeUsers: activeUsers, deployment: deployment, usage: usage)
    }
}

@Suite struct FilterTests {
    static let row = FigureRow(
        customerID: "c-10", customerName: "Contoso GmbH Zürich", market: "CH", sold: 25, assigned: 20, activeUsers: 7,
        deployment: Fraction(20, of: 25), usage: Fraction(1, of: 3))
    static let absent = FigureRow(customerID: "c-11", customerName: "", market: "")

    static func matches(_ filter: String, _ row: FigureRow = row) throws(FieldError) -> Bool {
        try CustomerFilter(filter, .insights).matches(row.sums) { row.texts }
    }

    @Test(arguments: [
        "", "  \t\n ", "usage < 40", "usage<40", "usage < 40 AND sold >= 25", "deployment = 80", "deployment=80.000",
        "sold = 25.0", "sold != 24", "usage > 33.333333333", "usage < 33.333333334", "usage != 33.333333333",
        "customer_name : CONTOSO", "customer_name:\"gmbh zÜRICH\"", "customer_name = \"Contoso GmbH Zürich\"",
        "customer_name != contoso", "customer_id = c-10", "customer_id:C-1", "customer_id < c-2", "customer_id >= c-10",
        "market = CH", "market != \"\"", "active_users > -1", "assigned <= 20", "customer_name < d",
        "customer_name >= CONTOSO", "market:\"\"", "customer_name != AND-co", "sold > 24.999999999",
        "\tsold\t=\t25\nAND\rmarket\n:\nc",
    ])
    func met(filter: String) throws {
        #expect(try Self.matches(filter))
    }

    @Test(arguments: [
        "usage >= 40", "usage < 40 AND sold > 25", "usage < 40 AND sold >= 25 AND market = DE",
        "customer_name = contoso",
        "customer_name : contosoo", "usage = 33.333333333", "sold < 25", "deployment != 80", "customer_id > c-10",
        "customer_id = C-10", "market = ch", "active_users = 7.000000001",
    ])
    func notMet(filter: String) throws {
        #expect(try !Self.matches(filter))
    }

    @Test(arguments: ["sold", "assigned", "active_users", "deployment", "usage"])
    func absentFiguresMeetNoCondition(key: String) throws {
        for comparison in ["=", "!=", "<", "<=", ">", ">="] {
            for value in ["0", "-1", "1000000"] {
                #expect(try !Self.matches("\(key) \(comparison) \(value)", Self.absent))
            }
        }
        #expect(try Self.matches("customer_id = c-11", Self.absent))
    }

    /// Each error names the field and the position of the first wrong character.
    @Test(arguments: [
        ("usage", 6), ("usage <", 8), ("usage 40", 7), ("usage < 40 sold > 3", 12), ("usage < 40 and sold > 3", 12),
        ("usage < 40 AND", 15), ("usage < 40 ANDsold > 3", 12), ("usage < 40 OR sold > 3", 12), ("(usage < 40)", 1),
        ("NOT usage < 40", 5), ("usage : 40", 7), ("usage < 40%", 9), ("usage < 4e1", 9), ("usage < .5", 9),
        ("usage < 5.", 9), ("usage < +5", 9), ("usage < 1234567890123456789", 9), ("usage < 0.1234567890", 9),
        ("usage < -", 9), ("usage < \"40", 9), ("customer_name = \"a", 17), ("customer_name = a\"b", 18),
        ("customer_name = \"a\"b", 20), ("customer_name = \"a\\n\"", 19), ("name = x", 1), ("Sold > 3", 1),
        ("sold > 3 AND nope = 1", 14), ("= 3", 1), ("sold == 3", 7), ("sold =! 3", 7), ("sold <> 3", 7),
        ("customer_name = AND market = x", 17), ("customer_name =", 16), ("é = 3", 1), ("sold > 3 AND AND", 17),
    ])
    func errorsNameThePosition(filter: String, position: Int) throws {
        let error = #expect(throws: FieldError.self) { try CustomerFilter(filter, .insights) }
        #expect(error?.field == "filter")
        #expect(error?.reason.hasSuffix("(character \(position))") == true, "\(filter): \(error?.reason ?? "")")
    }

    @Test func limits() throws {
        let many = Array(repeating: "sold > 1", count: 32).joined(separator: " AND ")
        #expect(try Self.matches(many))
        #expect(throws: FieldError.self) { try CustomerFilter(many + " AND sold > 1", .insights) }
        let long = "market = " + String(repeating: "x", count: 4_096 - 9)
        #expect(try !Self.matches(long))
        #expect(throws: FieldError("filter", "is longer than 4096 bytes")) {
            try CustomerFilter(long + "x", .insights)
        }
        #expect(throws: FieldError.self) { try CustomerFilter(String(repeating: "(", count: 4_000), .insights) }
    }

    @Test func quotesAndEscapes() throws {
        let row = FigureRow(customerID: "c", customerName: "a \"b\" \\ c", market: "x AND y")
        #expect(try Self.matches(#"customer_name = "a \"b\" \\ c""#, row))
        #expect(try Self.matches(#"customer_name : "\"B\"""#, row))
        #expect(try Self.matches(#"market = "x AND y" AND customer_id = "c""#, row))
        #expect(try Self.matches(#"market : and"#, row))
        #expect(try Self.matches(#"customer_name : \"#, row))
    }

    @Test func customersHaveTheirOwnKeys() throws {
        for filter in ["name : contoso AND market = CH", "customer_name : contoso", "customer_id != c-11"] {
            #expect(try CustomerFilter(filter, .customers).matches(CustomerSums()) { Self.row.texts })
        }
        for filter in ["customer_name < x", "sold > 3", "usage < 1", "name < x", "market >= x"] {
            #expect(throws: FieldError.self) { try CustomerFilter(filter, .customers) }
        }
    }

    /// Names are looked up only where figures leave the answer open.
    @Test func textsAreLazy() throws {
        var looked = 0
        let filter = try CustomerFilter("market = CH AND sold > 30", .insights)
        for sold: Int64 in [25, 31] {
            _ = filter.matches(CustomerSums(sold: sold)) {
                looked += 1
                return Self.row.texts
            }
        }
        #expect(looked == 1)
    }

    // MARK: Against a naive evaluation

    static func randomRow(_ random: inout RowSeed) -> FigureRow {
        func count(_ random: inout RowSeed) -> Int64? {
            random.chance(20) ? nil : random.chance(10) ? .max - Int64(random.below(3)) : Int64(random.below(12))
        }
        func fraction(_ random: inout RowSeed) -> Fraction? {
            Fraction(Int64(random.below(12)), of: Int64(random.below(8)))
        }
        return FigureRow(
            customerID: "c\(random.below(20))", customerName: ["Ab", "aB c", "Éa", "b", ""][random.below(5)],
            market: ["NL", "nl", "CH"][random.below(3)], sold: count(&random), assigned: count(&random),
            activeUsers: count(&random), deployment: fraction(&random), usage: fraction(&random))
    }

    @Test func equalsNaiveEvaluation() throws {
        var random = RowSeed(11)
        let operators: [(String, (Int) -> Bool)] = [
            ("=", { $0 == 0 }), ("!=", { $0 != 0 }), ("<", { $0 < 0 }), ("<=", { $0 <= 0 }), (">", { $0 > 0 }),
            (">=", { $0 >= 0 }),
        ]
        for _ in 0..<3_000 {
            let row = Self.randomRow(&random)
            let (sums, texts) = (row.sums, row.texts)
            var filters: [String] = []
            var expected = true
            for _ in 0...random.below(3) {
                let (sign, accepts) = operators[random.below(operators.count)]
                let key = ["sold", "assigned", "active_users", "deployment", "usage", "customer_id"][random.below(6)]
                let value = random.below(12) * (key == "deployment" || key == "usage" ? 25 : 1)
                // Halves are exact in binary, so the naive side may use floating point for small counts.
                let half = random.chance(30) && key != "customer_id"
                let number = Double(value) + (half ? 0.5 : 0)
                filters.append("\(key)\(sign)\(key == "customer_id" ? "c" : "")\(value)\(half ? ".5" : "")")
                switch key {
                case "customer_id":
                    let (left, right) = (Array(texts.id.utf8), Array("c\(value)".utf8))
                    let order = left == right ? 0 : (left.lexicographicallyPrecedes(right) ? -1 : 1)
                    expected = expected && accepts(order)
                case "deployment", "usage":
                    let fraction = key == "usage" ? sums.usage : sums.deployment
                    let percent = fraction.map { 100 * Double($0.numerator) - number * Double($0.denominator) }
                    expected = expected && (percent.map { accepts($0 < 0 ? -1 : ($0 > 0 ? 1 : 0)) } ?? false)
                default:
                    let count = ["sold": sums.sold, "assigned": sums.assigned, "active_users": sums.activeUsers][key]
                    let difference = (count ?? nil).map { Double($0) - number }
                    expected = expected && (difference.map { accepts($0 < 0 ? -1 : ($0 > 0 ? 1 : 0)) } ?? false)
                }
            }
            let filter = filters.joined(separator: " AND ")
            try #require(try Self.matches(filter, row) == expected, "\(filter) on \(row)")
        }
    }

    @Test func containsEqualsNaiveSearch() throws {
        var random = RowSeed(12)
        for _ in 0..<2_000 {
            let (name, part) = (random.text(atMost: 12), random.text(atMost: 3))
            let row = FigureRow(customerID: "c", customerName: name, market: "")
            var quoted = String.UnicodeScalarView()
            for scalar in part.unicodeScalars {
                if scalar == "\\" || scalar == "\"" { quoted.append("\\") }
                quoted.append(scalar)
            }
            let (text, wanted) = (Array(name.lowercased().unicodeScalars), Array(part.lowercased().unicodeScalars))
            let found = text.indices.contains { text[$0...].starts(with: wanted) } || wanted.isEmpty
            try #require(try Self.matches("customer_name : \"\(String(quoted))\"", row) == found)
        }
    }

    /// Huge counts compare exactly where doubles would not.
    @Test func comparisonsAreExact() throws {
        let row = FigureRow(
            customerID: "c", customerName: "", market: "", sold: .max,
            deployment: Fraction(.max - 1, of: .max), usage: Fraction(.max, of: 1))
        #expect(try Self.matches("deployment < 100", row))
        #expect(try !Self.matches("deployment = 100", row))
        #expect(try Self.matches("sold > 999999999999999999", row))
        #expect(try Self.matches("usage > 999999999.999999999", row))
        #expect(try Self.matches("deployment > 99.999999999", row))
    }

    @Test func anyTextParsesOrIsRefused() throws {
        var random = RowSeed(13)
        let pieces = [
            "usage", "sold", "customer_name", "market", " ", "  ", "=", "!=", "<", "<=", ">", ">=", ":", "AND", "and",
            "40", "-1.5", "\"", "\\", "é", "x", "(", ")", "\0", "😀", "\u{301}", ".", "\n",
        ]
        for _ in 0..<8_000 {
            let text = (0..<random.below(12)).map { _ in pieces[random.below(pieces.count)] }.joined()
            do {
                _ = try Self.matches(text)
            } catch {
                try #require(error.field == "filter" && !error.reason.isEmpty && error.reason.utf8.count < 400)
            }
            let bytes = (0..<random.below(30)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = try? Self.matches(String(decoding: bytes, as: UTF8.self))
        }
    }
}

@Suite struct CustomerOrderTests {
    @Test func parsing() throws {
        #expect(try CustomerOrder("").key == .customerID)
        #expect(try CustomerOrder("").isDescending == false)
        #expect(try CustomerOrder("usage desc").key == .usage)
        #expect(try CustomerOrder("usage desc").isDescending)
        #expect(try CustomerOrder("  sold  ").key == .sold)
        for text in [
            "market", "usage DESC", "usage asc", "usage,sold", "usage desc desc", "Usage", "desc", "usage\ndesc",
        ] {
            #expect(throws: FieldError.self) { try CustomerOrder(text) }
        }
        #expect(throws: FieldError("order_by", "is longer than 256 bytes")) {
            try CustomerOrder(String(repeating: " ", count: 257))
        }
    }

    @Test func placesSurviveTokens() throws {
        let customer = try CustomerID("c")
        let values: [CustomerPlace.Value] = [
            .none, .absent, .text(""), .text("é \u{0}"), .number(try #require(Fraction(.max, of: 1))),
            .number(try #require(Fraction(-1, of: .max))),
        ]
        for value in values {
            let place = CustomerPlace(value: value, customer: customer)
            #expect(CustomerPlace(texts: place.texts) == place)
            #expect(place.texts.count <= PagePosition.maximumKeys)
        }
        for texts in [
            [], [""], ["c d"], ["c", "number", "x", "1"], ["c", "number", "1", "0"], ["c", "what"], ["c", "text"],
            ["c", "number", "1"], ["c", "a", "b", "c", "d"],
        ] {
            #expect(CustomerPlace(texts: texts) == nil)
        }
    }
}
