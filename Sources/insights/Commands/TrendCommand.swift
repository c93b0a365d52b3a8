import ArgumentParser
import InsightsAPI
import InsightsClient
import LicenseModel

enum IntervalArgument: String, ExpressibleByArgument, CaseIterable {
    case day, week, month

    var interval: PBTrendInterval {
        switch self {
        case .day: .day
        case .week: .week
        case .month: .month
        }
    }
}

struct TrendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trend",
        abstract: "Figures over time, as line charts on a terminal.",
        discussion: """
            Without a customer: the whole portfolio. At most \(FactLimits.maximumRangeDays) days. Where the output is \
            no terminal a table is printed, or charts with --chart. Gaps in a chart are never zeros: below it stands \
            why they are there.

            Examples:
              insights trend
              insights trend contoso --from 2026-01-01 --to 2026-03-31 --interval week
              insights trend contoso --workload TEAMS --metric usage --metric active
              insights trend --interval month --output csv
            """)

    @Argument(help: "Customer id; without it, the portfolio.") var customer: String?
    @Option(help: ArgumentHelp("First day. Default: 89 days before the last.", valueName: "YYYY-MM-DD")) var from:
        String?
    @Option(help: ArgumentHelp("Last day. Default: yesterday (UTC).", valueName: "YYYY-MM-DD")) var to: String?
    @Option(help: "Days, or the last days of weeks (Sundays) or of months.") var interval: IntervalArgument = .day
    @Option(help: "Usage of this workload, by its code, such as TEAMS.") var workload: String = ""
    @Option(help: "Chart to draw; may be repeated. Default: usage and deployment.")
    var metric: [TrendMetric] = []
    @Flag(help: "Draw charts even where the output is no terminal.") var chart = false
    @Option(help: "Whose licenses count: your partner's own sales or those of all sellers. Default: all.") var scope:
        ScopeArgument?
    @Option(help: "Only this product; may be repeated.")
    var product: [ProductArgument] = []
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let end = try to.map { try OptionText.day($0, "--to") } ?? Clock.today.advanced(by: -1)
        let start = try from.map { try OptionText.day($0, "--from") } ?? end.advanced(by: -89)
        var request = PBGetTrendRequest()
        request.customerID = customer ?? ""
        request.startDate = start.description
        request.endDate = end.description
        request.interval = interval.interval
        request.workloadCode = workload
        request.scope = scope?.scope ?? .unspecified
        request.products = product.map(\.product)
        let response = try await connection.connect { [request] in try await $0.getTrend(request) }
        let subject = [customer ?? "Portfolio", workload].filter { !$0.isEmpty }.joined(separator: " · ")
        try Answer(
            message: response,
            table: { screen in
                TrendView(
                    points: response.points, metrics: metric.isEmpty ? [.usage, .deployment] : metric,
                    heading: "\(subject) from \(start) to \(end) · \(request.scope.sentence)", screen: screen,
                    isChart: chart || screen.isTerminal
                ).text()
            },
            csv: { TrendView.rows(response.points) }
        ).print(connection.output)
    }
}
