import InsightsCore
import LicenseModel
import Tenancy
import Testing

@testable import InsightsServer

@Suite struct FilterTests {
    static let row = FigureRow(
        customerID: "c-10", customerName: "Contoso GmbH Zürich", market: "CH", sold: 25, assigned: 20, activeUsers: 7,
        deployment: Fraction(20, of: 25), usage: Fraction(1, of: 3))
    static let absent = FigureRow(customerID: "c-11", customerName: "", market: "")

    static func matches(_ filter: String, _ row: FigureRow = row) throws -> Bool {
        try CustomerFilter(filter, .insights).matches(row)
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
        #expect(try CustomerFilter("name : contoso AND market = CH", .customers).matches(Self.row))
        #expect(try CustomerFilter("customer_id != c-11", .customers).matches(Self.row))
        for filter in ["customer_name = x", "sold > 3", "usage < 1", "name < x", "market >= x"] {
            #expect(throws: FieldError.self) { try CustomerFilter(filter, .customers) }
        }
    }

    @Test func sumsOverProductsAndPresence() throws {
        var random = RowSeed(4)
        for _ in 0..<500 {
            let row = try random.customer()
            for reach in [LicenseReach.own, .allPartners] {
                let figures = FigureRow(row, reach: reach)
                let licenses = row.products.map { reach == .own ? $0.own : $0.all }
                let sold = licenses.map(\.sold).reduce(0, &+)
                let assigned = licenses.map(\.assigned).reduce(0, &+)
                let active = row.products.map(\.usage.active).reduce(0, &+)
                let total = row.products.map(\.usage.totalUsers).reduce(0, &+)
                let hasSold = licenses.allSatisfy(\.subscriptionsReported)
                let hasAssigned = hasSold && licenses.allSatisfy(\.assignmentsReported)
                let hasActive = row.products.allSatisfy(\.usage.activityReported)
                let hasTotal = hasActive && row.products.allSatisfy(\.usage.licensesReported)
                #expect(figures.sold == (hasSold ? sold : nil))
                #expect(figures.assigned == (hasAssigned ? assigned : nil))
                #expect(figures.activeUsers == (hasActive ? active : nil))
                #expect(figures.deployment == (hasAssigned ? Fraction(assigned, of: sold) : nil))
                #expect(figures.usage == (hasTotal ? Fraction(active, of: total) : nil))
                #expect(figures.market == row.customer.market && figures.customerName == row.customer.name)
            }
        }
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
                    let (left, right) = (Array(row.customerID.utf8), Array("c\(value)".utf8))
                    let order = left == right ? 0 : (left.lexicographicallyPrecedes(right) ? -1 : 1)
                    expected = expected && accepts(order)
                case "deployment", "usage":
                    let fraction = key == "usage" ? row.usage : row.deployment
                    let percent = fraction.map { 100 * Double($0.numerator) - number * Double($0.denominator) }
                    expected = expected && (percent.map { accepts($0 < 0 ? -1 : ($0 > 0 ? 1 : 0)) } ?? false)
                default:
                    let count = ["sold": row.sold, "assigned": row.assigned, "active_users": row.activeUsers][key]
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
                _ = try CustomerFilter(text, .insights).matches(Self.row)
            } catch {
                try #require(error.field == "filter" && !error.reason.isEmpty && error.reason.utf8.count < 400)
            }
            let bytes = (0..<random.below(30)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = try? CustomerFilter(String(decoding: bytes, as: UTF8.self), .insights).matches(Self.row)
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

    /// Ties by id ascending and absent figures last, in both directions.
    @Test func ties() throws {
        func row(_ id: String, _ name: String, _ usage: Fraction?) -> FigureRow {
            FigureRow(customerID: id, customerName: name, market: "", usage: usage)
        }
        let rows = [
            row("b", "zeta", nil), row("a", "Alpha", nil), row("d", "alpha", Fraction(1, of: 2)),
            row("c", "Beta", Fraction(2, of: 4)), row("e", "beta", Fraction(1, of: 3)),
        ]
        func ids(_ text: String) throws -> String {
            let order = try CustomerOrder(text)
            return rows.map(order.place).sorted(by: order.isBefore).map(\.customerID).joined()
        }
        #expect(try ids("") == "abcde")
        #expect(try ids("customer_id desc") == "edcba")
        #expect(try ids("usage") == "ecdab")
        #expect(try ids("usage desc") == "cdeab")
        #expect(try ids("customer_name") == "adceb")
        #expect(try ids("customer_name desc") == "bcead")
        #expect(try ids("sold desc") == "abcde")
    }

    /// Cut anywhere, the rest of the list after the last place is the rest of the whole list.
    @Test func placesSurviveTokens() throws {
        var random = RowSeed(21)
        for key in CustomerOrder.Key.allCases {
            for suffix in ["", " desc"] {
                let order = try CustomerOrder(key.rawValue + suffix)
                var rows: [String: FigureRow] = [:]
                for _ in 0..<60 {
                    let row = FilterTests.randomRow(&random)
                    rows[row.customerID] = row
                }
                let places = rows.values.map(order.place).sorted(by: order.isBefore)
                for (index, place) in places.enumerated() {
                    let copy = try #require(CustomerPlace(texts: place.texts))
                    #expect(copy == place)
                    #expect(places.filter { order.isBefore(copy, $0) } == Array(places[(index + 1)...]))
                }
            }
        }
        for texts in [
            [], ["c", "count", "x"], ["c", "fraction", "1", "0"], ["c", "what"], ["c", "text"],
            ["c", "a", "b", "c", "d"],
        ] {
            #expect(CustomerPlace(texts: texts) == nil)
        }
    }
}
