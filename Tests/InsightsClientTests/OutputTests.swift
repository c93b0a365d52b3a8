import ArgumentParser
import Foundation
import ImportFormats
import InsightsAPI
import LicenseModel
import SwiftProtobuf
import Testing

@testable import insights

/// Texts are compared with files in `Golden`; `INSIGHTS_WRITE_GOLDEN=1` writes them anew.
func expectGolden(_ text: String, _ name: String) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")
    let file = folder.appendingPathComponent(name)
    if ProcessInfo.processInfo.environment["INSIGHTS_WRITE_GOLDEN"] == "1" {
        try Data(text.utf8).write(to: file)
    }
    let expected = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    #expect(text == expected, "\(name) differs:\n\(text)")
}

private let terminal = Screen(isTerminal: true, width: 100, isUnicode: true)
private let ascii = Screen(isTerminal: true, width: 80, isUnicode: false)

@Suite struct OutputTests {
    private func ratio(_ numerator: Int64, _ denominator: Int64) -> PBRatio {
        var ratio = PBRatio()
        ratio.numerator = numerator
        ratio.denominator = denominator
        if denominator > 0 { ratio.percent = 100 * Double(numerator) / Double(denominator) }
        return ratio
    }

    private func licenses(sold: Int64, assigned: Int64, lower: Int64? = nil, upper: Int64? = nil) -> PBLicenseFigures {
        var figures = PBLicenseFigures()
        figures.sold = sold
        figures.entitled = sold
        figures.trial = 3
        figures.uncounted = 0
        figures.assigned = assigned
        figures.assignedUnsold = 0
        figures.assignedLower = lower ?? assigned
        figures.assignedUpper = upper ?? assigned
        figures.attribution = lower == nil ? .exact : .estimated
        figures.deployment = ratio(assigned, sold)
        return figures
    }

    private func usage(_ active: Int64, _ total: Int64) -> PBUsageFigures {
        var figures = PBUsageFigures()
        figures.activeUsers = active
        figures.totalUsers = total
        figures.entitlements = total
        figures.usage = ratio(active, total)
        figures.usagePerEntitlement = ratio(active, total)
        figures.windowStart = "2026-03-04"
        figures.windowEnd = "2026-03-31"
        return figures
    }

    private func product(_ figures: PBLicenseFigures) -> PBProductInsights {
        var product = PBProductInsights()
        product.product = .office365
        product.licenses = figures
        var sku = PBSkuLicenses()
        sku.skuID = "e3"
        sku.skuName = "Office 365 E3\u{1B}[31m"
        sku.licenses = figures
        product.skus = [sku]
        product.usage = usage(20, 15)
        var workload = PBWorkloadUsage()
        workload.workloadCode = "SPO"
        workload.workloadName = "SharePoint"
        workload.usage = usage(20_000, 15_000)
        product.workloads = [workload]
        return product
    }

    private var unreported: PBProductInsights {
        var product = PBProductInsights()
        product.product = .dynamics365
        product.licenses.sold = 7
        product.licenses.entitled = 7
        product.licenses.trial = 0
        product.licenses.uncounted = 0
        return product
    }

    @Test func bothScopesStandSideBySide() throws {
        let all = [product(licenses(sold: 19, assigned: 18)), unreported]
        let own = [product(licenses(sold: 14, assigned: 13, lower: 13, upper: 14)), unreported]
        try expectGolden(ProductView(own: own, all: all, screen: terminal).text(), "customer-both.txt")
        try expectGolden(ProductView(own: nil, all: own, screen: .plain).text(), "customer-own.txt")
        try expectGolden(CSVText.text([ProductRows.header] + ProductRows.rows(all)), "customer.csv")
    }

    @Test func aProductWithoutAnythingIsOneLine() {
        var idle = unreported
        idle.licenses.sold = 0
        idle.licenses.entitled = 0
        #expect(
            ProductView(own: nil, all: [idle], screen: .plain).text()
                == "DYNAMICS 365\n  No licenses; activity not reported.\n")
        idle.usage = usage(0, 0)
        #expect(
            ProductView(own: nil, all: [idle], screen: .plain).text()
                == "DYNAMICS 365\n  No licenses and no activity.\n")
    }

    /// Of what the server has cut off its lists nothing is known: it is no difference.
    @Test func filesAreComparedAsFarAsTheServerTells() {
        let check = PBCheckCustomerResponse.with {
            $0.subscriptions = [
                .with { ($0.subscriptionID, $0.skuID, $0.quantity, $0.state) = ("b", "s", 5, .active) }
            ]
            $0.subscriptionCount = 2
            $0.skus = [.with { ($0.skuID, $0.catalogued, $0.licenses, $0.holders) = ("s", true, 5, 3) }]
            $0.skuCount = 2
        }
        var files = FilesInHand()
        files.subscriptions = ["a", "b", "c"].map { id in
            .with { ($0.subscriptionID, $0.skuID, $0.quantity, $0.state) = (id, "s", 5, .active) }
        }
        files.holders = ["r": 1, "s": 2, "t": 3]
        let cut = CheckFindings(check, files)
        #expect(cut.ofFiles.map(\.subject) == ["a", "r", "s"])
        #expect(cut.ofServer.map(\.kind).contains("skus_left_out"))
        var whole = check
        whole.subscriptionCount = 1
        whole.skuCount = 1
        #expect(CheckFindings(whole, files).ofFiles.map(\.subject) == ["a", "c", "r", "s", "t"])
    }

    @Test func licensesThatAreInNoFigureAreOneLine() {
        let skus = (1...5).map { number in
            PBUncataloguedSku.with {
                $0.skuID = "sku\u{1B}-\(number)"
                $0.sold = number == 1 ? 1 : 1_234
            }
        }
        let few = UncataloguedNote.text(Array(skus.prefix(2)), count: 2)
        #expect(few.hasPrefix("Not in the catalog, so in no figure: sku") && few.hasSuffix("(1,234 licenses)\n"))
        #expect(few.contains("(1 license), ") && !few.contains("\u{1B}"))
        #expect(UncataloguedNote.text(skus, count: 130).hasSuffix(", 127 more\n"))
        #expect(UncataloguedNote.text([], count: 0).isEmpty)
    }

    @Test func freshnessNamesTheWorkloadsThatAreNotReported() {
        func source(_ source: PBSource, _ status: PBCoverageStatus, _ through: String) -> PBSourceCoverage {
            .with { ($0.source, $0.status, $0.through) = (source, status, through) }
        }
        func workload(_ code: String, _ status: PBCoverageStatus) -> PBWorkloadCoverage {
            .with { ($0.workloadCode, $0.status) = (code, status) }
        }
        var freshness = PBFreshness()
        freshness.sources = [
            source(.subscriptions, .reported, "2026-03-31"), source(.assignments, .notReported, ""),
            source(.activity, .lagging, "2026-03-29"),
        ]
        #expect(
            freshness.sentence
                == "subscriptions 2026-03-31 · assignments not reported · activity 2026-03-29 (lagging)")
        freshness.workloads = [
            workload("APPS", .notReported), workload("CRM", .notReported), workload("EXO", .lagging),
        ]
        #expect(freshness.sentence.hasSuffix("activity 2026-03-29 (lagging; APPS, CRM not reported)"))
        freshness.sources[2].status = .reported
        #expect(freshness.sentence.hasSuffix("activity 2026-03-29 (APPS, CRM not reported)"))
    }

    /// Usage of a customer is that of the products that have it, as in filters.
    @Test func listsSumTheProductsThatHaveUsage() {
        var customer = PBCustomerInsights()
        customer.products = [product(licenses(sold: 19, assigned: 18)), unreported]
        let sums = CustomerSums(customer)
        #expect((sums.active, sums.total, sums.sold, sums.assigned) == (20, 15, 26, nil))
        customer.products = [unreported]
        #expect(CustomerSums(customer).active == nil && CustomerSums(customer).usage == nil)
    }

    @Test func comparisons() throws {
        var response = PBCompareLicensesResponse()
        response.asOf = "2026-03-31"
        var comparison = PBLicenseComparison()
        comparison.product = .office365
        comparison.skuID = "e3"
        comparison.own = licenses(sold: 1_400, assigned: 1_300, lower: 1_300, upper: 1_400)
        comparison.allPartners = licenses(sold: 1_900, assigned: 1_800)
        comparison.directSold = 0
        comparison.otherPartnersSold = 500
        comparison.unknownSold = 0
        comparison.ownSharePercent = 73.684
        response.comparisons = [comparison]
        response.total = comparison
        try expectGolden(
            ComparisonView(response: response, heading: "contoso", screen: terminal).text(), "compare.txt")
        try expectGolden(CSVText.text(ComparisonView.rows(response)), "compare.csv")
    }

    @Test func explanations() throws {
        var explanation = PBUsageExplanation()
        explanation.activeUsers = 20
        explanation.totalUsers = 15
        explanation.entitlements = 15
        explanation.usage = ratio(20, 15)
        let counts: [(PBUsageClass, Int64)] = [
            (.entitled, 15), (.uncountedSubscription, 2), (.trial, 0), (.overAssigned, 0), (.turnover, 2),
            (.unlicensed, 1),
        ]
        for (usageClass, users) in counts {
            var count = PBUsageClassCount()
            count.usageClass = usageClass
            count.users = users
            explanation.classes.append(count)
        }
        explanation.text = "Twenty people used it. " + String(repeating: "word ", count: 30)
        try expectGolden(
            ExplanationView(explanation: explanation, heading: "contoso", screen: terminal).text(), "explain.txt")
        try expectGolden(
            ExplanationView(explanation: PBUsageExplanation(), heading: "contoso", screen: ascii).text(),
            "explain-unreported.txt")
        explanation.unclassifiedUsers = 5
        explanation.activeUsers = 25
        let text = ExplanationView(explanation: explanation, heading: "contoso", screen: ascii).text()
        #expect(text.contains("unclassified") && text.contains("20.0 %"))
        #expect(ExplanationView.rows(explanation).last?[1...2] == ["UNCLASSIFIED", "5"])
        // 20 / 15 is no ratio of the 25 and 15 above it.
        #expect(text.contains("20 of the 25 active users"))
    }

    @Test func adviceSpeaksOneLanguage() {
        var item = PBRecommendation()
        item.kind = .offerTraining
        item.customerID = "contoso"
        item.problem = "Probleem."
        func text(_ language: String) -> String {
            let words = AdviceWords(language: language)
            return AdviceView(
                recommendations: [item], words: words, heading: words.heading(customer: nil, day: "2026-03-31"),
                screen: ascii
            ).text()
        }
        for language in ["nl", "NL-be"] {
            #expect(text(language).hasPrefix("Advies voor de portefeuille per 2026-03-31\n"))
            #expect(text(language).contains("  Bied training aan · alle producten\n"))
        }
        for language in ["", "en", "de", "nld"] {
            #expect(text(language).hasPrefix("Advice for the portfolio as of 2026-03-31\n"))
            #expect(text(language).contains("  Offer training · all covered products\n"))
        }
        let dutch = AdviceWords.dutch
        #expect(
            AdviceView(recommendations: [], words: dutch, heading: "x", screen: ascii).text() == "x\n\nGeen advies.\n")
    }

    @Test func trendsAreChartsWithGaps() throws {
        let points = (0..<60).map { index -> PBTrendPoint in
            var point = PBTrendPoint()
            point.date = Day(number: 20_454).advanced(by: index).description
            point.product = .office365
            point.licenses = licenses(sold: 100, assigned: Int64(index))
            if !(20..<25).contains(index) { point.usage = usage(Int64(abs(30 - index) * 5), 100) }
            return point
        }
        let view = { (screen: Screen, isChart: Bool) in
            TrendView(
                points: points, metrics: [.usage, .sold], heading: "contoso", screen: screen, isChart: isChart
            ).text()
        }
        try expectGolden(view(terminal, true), "trend.txt")
        try expectGolden(view(ascii, true), "trend-ascii.txt")
        try expectGolden(view(.plain, false), "trend-table.txt")
    }

    @Test func gapsSayWhyTheyAreThere() {
        let chart = { (points: [LineChart.Point]) in
            LineChart(
                title: "t", days: points.map { _ in "2026-01-01" }, points: points, minimumTop: 1, format: { "\($0)" }
            ).text(screen: .plain)
        }
        #expect(chart([.noValue, .noValue]) == "t\n  no value: nothing to divide by\n")
        #expect(chart([.notReported]) == "t\n  not reported\n")
        #expect(
            chart([.noValue, .notReported])
                == "t\n  1 of 2 points not reported, 1 of 2 points without a value (nothing to divide by)\n")
        #expect(chart([.value(1), .noValue]).hasSuffix("gaps: 1 of 2 points without a value (nothing to divide by)\n"))
        #expect(!chart([.value(1), .value(0)]).contains("gaps"))

        var point = PBTrendPoint()
        #expect(TrendMetric.usage.point(point) == .notReported)
        point.usage = usage(0, 0)
        point.licenses = licenses(sold: 0, assigned: 0)
        #expect(TrendMetric.usage.point(point) == .noValue)
        #expect(TrendMetric.deployment.point(point) == .noValue)
        #expect(TrendMetric.active.point(point) == .value(0))
        point.usage.clearUsage()
        #expect(TrendMetric.usage.point(point) == .notReported)
    }

    @Test func topsOfScalesAreRound() {
        let tops: [(Double, Double)] = [
            (0, 1), (1, 1), (100, 100), (101, 150), (133.3, 150), (0.3, 0.4), (7, 8), (999, 1_000),
        ]
        for (value, top) in tops {
            #expect(abs(LineChart.niceTop(value) - top) < 1e-9, "\(value)")
        }
    }

    @Test func numbers() {
        #expect(NumberText.count(Int64(1_234_567)) == "1,234,567")
        #expect(NumberText.count(Int64(-1_000)) == "-1,000")
        #expect(NumberText.count(Int64.min) == "-9,223,372,036,854,775,808")
        #expect(NumberText.count(Int64?.none) == "not reported")
        #expect(NumberText.percent(133.3333) == "133.3 %")
        #expect(NumberText.percent(-0.04) == "0.0 %")
        #expect(NumberText.percent(Double?.none) == "–")
        #expect(NumberText.percent(.nan) == "–")
        #expect(BarText.bar(50, screen: terminal) == "█████░░░░░")
        #expect(BarText.bar(133, screen: terminal) == "██████████▶")
        #expect(BarText.bar(42, screen: terminal) == "████▎░░░░░")
        #expect(BarText.bar(42, screen: ascii) == "####......")
        #expect(BarText.bar(42, screen: .plain) == "")
        #expect(BarText.bar(nil, screen: terminal) == "")
    }

    @Test func fieldsOfSpreadsheetsAreHarmless() {
        #expect(CSVText.field("=1+1") == "'=1+1")
        #expect(CSVText.field("-5") == "-5")
        #expect(CSVText.field("-5+x") == "'-5+x")
        #expect(CSVText.field("a \"b\", c") == "\"a \"\"b\"\", c\"")
        #expect(CSVText.field("") == "")
    }

    @Test func namesOfCustomersAreHarmless() {
        #expect("a\u{1B}[31m\u{202E}b\u{2028}c\nd".harmless == "a [31m b c d")
        #expect("👩\u{200D}🚀 Zoë".harmless == "👩\u{200D}🚀 Zoë")
    }

    @Test func wideCharactersTakeTwoColumns() {
        var table = TextTable([.text("Name"), .number("N")])
        table.add(["日本", "1"])
        table.add(["e\u{301}", "22"])
        #expect(table.text() == "Name   N\n────  ──\n日本   1\ne\u{301}     22\n")
    }
}

@Suite struct CommandLineTests {
    private func failure(_ arguments: [String]) -> String {
        do {
            _ = try InsightsCommand.command(arguments)
            return "no failure"
        } catch {
            return ErrorText.line(for: error)
        }
    }

    @Test func globalOptionsMayComeFirst() {
        #expect(
            GlobalFlags.hoisted(["--server", "a:1", "-o", "json", "customer", "c"])
                == ["customer", "c", "--server", "a:1", "-o", "json"])
        #expect(GlobalFlags.hoisted(["--output=csv", "export", "--", "x"]) == ["export", "--output=csv", "--", "x"])
        #expect(GlobalFlags.hoisted(["customer", "--server", "a"]) == ["customer", "--server", "a"])
        #expect(GlobalFlags.hoisted(["--help"]) == ["--help"])
        #expect(failure(["--profile", "p", "whoami"]) == "no failure")
    }

    @Test func mistakesAreOneLine() {
        #expect(failure(["customer"]) == "Missing expected argument '<customer>'")
        #expect(failure(["erase-user", "c", "u"]) == "this cannot be undone; say --yes")
        #expect(
            failure(["explain", "--product", "office-365", "--workload", "EXO"])
                == "give --product or --workload, not both")
        #expect(
            failure(["import", "nonsense", "x"]).hasSuffix(
                "sku-table, graph-subscribed-skus, graph-subscriptions, graph-users, graph-active-users, partner-subscriptions, facts"
            ))
        #expect(!failure(["import", "nonsense", "x"]).contains("\n"))
    }

    @Test func unknownCommandsAreNamed() {
        #expect(
            failure(["nope", "--server", "x"]) == "there is no command “nope”; `insights --help` lists the commands")
        #expect(failure(["-o", "json", "Trends"]) == "there is no command “Trends”; did you mean “trend”?")
        #expect(
            failure(["principals", "upd"]) == "there is no command “principals upd”; did you mean “principals update”?")
        #expect(failure(["--server", "x"]) == "a command is missing; `insights --help` lists the commands")
        #expect(failure(["principals", "--limit", "3"]) == "no failure")
        #expect(failure(["customer", "custmer"]) == "no failure")
        #expect(CommandNames.nearest(to: "x", in: ["export"]) == nil)
        #expect(CommandNames.nearest(to: String(repeating: "x", count: 1_000_000), in: ["export"]) == nil)
    }

    @Test func everyCommandHasHelpWithExamples() throws {
        func check(_ command: any ParsableCommand.Type, path: String) {
            let children =
                command.configuration.subcommands + command.configuration.groupedSubcommands.flatMap(\.subcommands)
            #expect(!command.configuration.abstract.isEmpty, "\(path)")
            #expect(command.configuration.discussion.contains("Examples:"), "\(path)")
            for child in children { check(child, path: "\(path) \(child.configuration.commandName ?? "?")") }
        }
        check(InsightsCommand.self, path: "insights")
    }

    @Test func methodsMayBeShort() {
        #expect(MethodNames.full("ListLicensedUsers") == "/partner.insights.v1.CustomersService/ListLicensedUsers")
        #expect(MethodNames.full("/a/b") == "/a/b")
        #expect(MethodNames.full("Unknown") == "Unknown")
    }

    @Test(arguments: ["--date", "--held-since"])
    func daysOfAnImportAreReadAsTheServerReadsThem(option: String) throws {
        let options = { (day: String) in
            try ImportCommand.parse(["graph-users", "u.json", "--customer", "c", option, day]).options()
        }
        let expected = "\(option) is not a day written YYYY-MM-DD, from 1970-01-01 to 9999-12-31"
        for text in ["2026-4-1", "soon", "2026-02-29"] {
            let failure = #expect(throws: CommandFailure.self) { _ = try options(text) }
            #expect(failure?.description == expected)
        }
        let read = try options("2026-01-31")
        #expect((read.date ?? read.heldSince) == Day(number: 20_484))
    }
}
