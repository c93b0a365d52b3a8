import Foundation
import InsightsCore
import LicenseModel
@_spi(Authentication) import Tenancy

/// Generates the facts, measures the core on them and leaves both for the other engines:
///
///     core-bench FOLDER CUSTOMERS
///     core-bench former CUSTOMERS      what customers that left cost: see `FormerBench`
///
/// Writes `activity.csv` (customer, user, workload, day), `licenses.csv` (customer, user), and `core.json` with CPU
/// times and with the answers that every engine must give.
@main
struct CoreBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let customerCount = Int(arguments[2]), (1...20_000).contains(customerCount) else {
            FileHandle.standardError.write(Data("usage: core-bench FOLDER|former CUSTOMERS\n".utf8))
            exit(1)
        }
        if arguments[1] == "former" { return try FormerBench(customers: customerCount).run() }
        let folder = URL(fileURLWithPath: arguments[1], isDirectory: true)
        var generator = FactGenerator(customerCount: customerCount)
        let customers = try generator.customers()
        try writeFiles(customers, to: folder)

        let partner = try PartnerID("contoso")
        var (core, ingest) = try fill(customers, partner: partner)
        core.advance(to: core.revision.next)
        core.prepare(today: FactGenerator.lastDay)
        let scope = try authorize(partner)
        let book = core.book(in: scope, today: FactGenerator.lastDay)
        var report = Report(
            customers: customers.count, users: customers.reduce(0) { $0 + $1.users.count },
            pairs: customers.reduce(0) { $0 + $1.activity.count },
            events: customers.reduce(0) { $0 + $1.activity.reduce(0) { $0 + $1.days.count } },
            days: FactGenerator.dayCount, firstDay: Int(FactGenerator.firstDay.number), ingestNanoseconds: ingest)
        measure(book, customers: customers, into: &report)
        // One customer is another than a moment ago: what every request after a batch meets.
        var later = core
        let change = Fact.coverage(
            CoverageFact(customer: customers[0].id, source: .activity, through: FactGenerator.lastDay))
        later.apply(FactBatch(id: try BatchID("later"), facts: [change]), revision: core.revision.next)
        let other = later.book(in: scope, today: FactGenerator.lastDay)
        measureLists([book, other], on: FactGenerator.lastDay, into: &report)
        measurePeople([book, other], on: FactGenerator.lastDay, into: &report)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try encoder.encode(report).write(to: folder.appendingPathComponent("core.json"))
    }

    static func authorize(_ partner: PartnerID) throws -> PartnerScope {
        let principal = Principal(.partner(partner, try PrincipalID("benchmark"), RoleSet([.salesAgent])))
        guard let scope = try AccessPolicy.authorize(principal, for: .readInsights).scope else { exit(1) }
        return scope
    }

    /// The filled core and the CPU time of applying the batches, which stand in memory before.
    static func fill(_ customers: [GeneratedCustomer], partner: PartnerID) throws -> (InsightsCore, UInt64) {
        let office = try SkuID("ENTERPRISEPACK")
        let sales = try SkuID("DYN365_ENTERPRISE_SALES")
        var batches = [
            FactBatch(
                id: try BatchID("catalog"),
                facts: [
                    .sku(
                        SkuFact(
                            sku: office, name: "Office 365 E3", product: .office365,
                            workloads: WorkloadSet(FactGenerator.officeWorkloads))),
                    .sku(
                        SkuFact(
                            sku: sales, name: "Dynamics 365 Sales", product: .dynamics365,
                            workloads: WorkloadSet([.crm]))),
                ])
        ]
        batches += try customers.map { try $0.batch(partner: partner, office: office, sales: sales) }
        var core = InsightsCore()
        let start = processCPU()
        for batch in batches {
            core.apply(batch, revision: core.revision.next)
        }
        return (core, processCPU() - start)
    }

    static func measure(_ book: PartnerBook, customers: [GeneratedCustomer], into report: inout Report) {
        let last = FactGenerator.lastDay
        let trend = median { Self.trend(of: nil, in: book) }
        report.nanoseconds["portfolio trend"] = trend.nanoseconds
        report.portfolioTrend = trend.result

        let largest = customers[0].id
        report.largestCustomer = largest.text
        let customerTrend = median { Self.trend(of: largest, in: book) }
        report.nanoseconds["customer trend"] = customerTrend.nanoseconds
        report.customerTrend = customerTrend.result

        let portfolio = median { book.portfolio(on: last, products: Product.allCases) }
        report.nanoseconds["portfolio as of"] = portfolio.nanoseconds
        for product in portfolio.result.products {
            for row in product.workloads { report.portfolio[row.workload.code] = row.usage.active }
        }

    }

    /// The 50 customers with the lowest usage of Office 365, ties by id: asked again, again after one of two books
    /// became the other, and for the first time on a day.
    static func measureLists(_ books: [PartnerBook], on day: Day, into report: inout Report) {
        func top(_ figures: DayFigures, in book: PartnerBook) -> [CustomerPage.Row] {
            book.page(
                of: figures, products: [.office365], reach: .allPartners, by: CustomerOrder(by: .usage), after: nil,
                limit: 50
            ).rows
        }
        var figures = books[0].dayFigures(on: day)
        let again = median { top(figures, in: books[0]) }
        report.nanoseconds["top 50"] = again.nanoseconds
        report.lowestUsage = again.result.map {
            [$0.place.customer.text, String($0.sums.activeUsers ?? 0), String($0.sums.usage?.denominator ?? 0)]
        }
        var turn = 0
        report.nanoseconds["top 50, changed"] =
            median {
                turn += 1
                figures = books[turn % 2].dayFigures(on: day, reusing: figures)
                return top(figures, in: books[turn % 2])
            }.nanoseconds
        report.nanoseconds["top 50, first"] = median { top(books[0].dayFigures(on: day), in: books[0]) }.nanoseconds
    }

    /// Advice for the portfolio, a page of 50, and why Office 365 is used as it is: first, again and after a change.
    static func measurePeople(_ books: [PartnerBook], on day: Day, into report: inout Report) {
        let thresholds = AdviceThresholds()
        func page(_ advice: DayAdvice, in book: PartnerBook) -> Int {
            book.page(of: advice, products: Product.allCases, after: nil, limit: 50).total
        }
        func explain(_ classes: DayClasses, in book: PartnerBook) -> ExplanationRow {
            book.explain(.product(.office365), classes: classes)
        }
        var classes = books[0].dayClasses(on: day)
        var advice = books[0].dayAdvice(on: day, thresholds: thresholds)
        report.nanoseconds["explanation, first"] =
            median { explain(books[0].dayClasses(on: day), in: books[0]) }.nanoseconds
        report.nanoseconds["explanation"] = median { explain(classes, in: books[0]) }.nanoseconds
        report.nanoseconds["advice, first"] =
            median { page(books[0].dayAdvice(on: day, thresholds: thresholds), in: books[0]) }.nanoseconds
        report.nanoseconds["advice"] = median { page(advice, in: books[0]) }.nanoseconds
        var turn = 0
        report.nanoseconds["explanation, changed"] =
            median {
                turn += 1
                classes = books[turn % 2].dayClasses(on: day, reusing: classes)
                return explain(classes, in: books[turn % 2])
            }.nanoseconds
        report.nanoseconds["advice, changed"] =
            median {
                turn += 1
                advice = books[turn % 2].dayAdvice(
                    on: day, thresholds: thresholds, classes: advice.classes, reusing: advice)
                return page(advice, in: books[turn % 2])
            }.nanoseconds
    }

    /// Active users by workload code, a value per day.
    static func trend(of customer: CustomerID?, in book: PartnerBook) -> [String: [Int64]] {
        var result: [String: [Int64]] = [:]
        for workload in Workload.allCases {
            let rows = book.trend(
                of: customer, from: FactGenerator.firstDay, through: FactGenerator.lastDay, interval: .day,
                products: workload == .crm ? [.dynamics365] : [.office365], workload: workload)
            result[workload.code] = rows?.map(\.usage.active)
        }
        return result
    }
}

/// What the core measured and answered.
struct Report: Codable {
    var customers: Int
    var users: Int
    /// Pairs of user and workload with activity.
    var pairs: Int
    var events: Int
    var days: Int
    /// Days since 1970-01-01.
    var firstDay: Int
    var ingestNanoseconds: UInt64
    /// Median CPU time by query.
    var nanoseconds: [String: Double] = [:]
    var portfolioTrend: [String: [Int64]] = [:]
    var largestCustomer = ""
    var customerTrend: [String: [Int64]] = [:]
    var portfolio: [String: Int64] = [:]
    /// Customer, active users, total users.
    var lowestUsage: [[String]] = []
}

/// The facts as the other engines load them.
private func writeFiles(_ customers: [GeneratedCustomer], to folder: URL) throws {
    var activity = Data()
    var licenses = Data()
    try activity.write(to: folder.appendingPathComponent("activity.csv"))
    let file = try FileHandle(forWritingTo: folder.appendingPathComponent("activity.csv"))
    for customer in customers {
        for row in customer.activity {
            let prefix = "\(customer.id),\(row.user),\(row.workload.rawValue),"
            for day in row.days { activity.append(contentsOf: "\(prefix)\(day.number)\n".utf8) }
        }
        for user in customer.users { licenses.append(contentsOf: "\(customer.id),\(user)\n".utf8) }
        try file.write(contentsOf: activity)
        activity.removeAll(keepingCapacity: true)
    }
    try file.close()
    try licenses.write(to: folder.appendingPathComponent("licenses.csv"))
}
