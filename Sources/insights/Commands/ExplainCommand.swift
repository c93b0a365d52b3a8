import ArgumentParser
import InsightsAPI
import InsightsClient

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Why usage is what it is, and why it can pass 100 %.",
        discussion: """
            Puts every active user into exactly one class; people whose licenses or assignments are not reported are \
            unclassified. Without a customer: the whole portfolio. Without --product and --workload: Office 365.

            Examples:
              insights explain contoso
              insights explain contoso --workload YAM --language nl
              insights explain --product dynamics-365
            """)

    @Argument(help: "Customer id; without it, the portfolio.") var customer: String?
    @Option(help: "The product to explain.") var product: ProductArgument?
    @Option(help: "The workload to explain, by its code, such as YAM.") var workload: String?
    @Option(help: .dayOfFigures) var asOf: String = ""
    @Option(help: "Language of the text: en or nl. Default: en.") var language: String = ""
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        if product != nil && workload != nil { throw ValidationError("give --product or --workload, not both") }
    }

    func run() async throws {
        var request = PBExplainUsageRequest()
        request.customerID = customer ?? ""
        request.asOf = asOf
        request.languageCode = language
        if let workload {
            request.workloadCode = workload
        } else {
            request.product = (product ?? .office365).product
        }
        let response = try await connection.connect { [request] in try await $0.explainUsage(request) }
        let explanation = response.explanation
        try Answer(
            message: response,
            table: {
                let what = workload ?? request.product.title
                let heading = "\(customer ?? "Portfolio") · \(what) as of \(explanation.asOf)"
                return ExplanationView(explanation: explanation, heading: heading, screen: $0).text()
            },
            csv: { ExplanationView.rows(explanation) }
        ).print(connection.output)
    }
}

struct AdviceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advice",
        abstract: "What to do about it, with the figures behind each piece of advice.",
        discussion: """
            Without a customer: every customer of the portfolio.

            Examples:
              insights advice contoso
              insights advice contoso --language nl
              insights advice --product office-365 --limit 20 --output json
            """)

    @Argument(help: "Customer id; without it, the portfolio.") var customer: String?
    @Option(help: "Language of the texts: en or nl. Default: en.") var language: String = ""
    @OptionGroup var paging: PagingOptions
    @OptionGroup var figures: FigureOptions
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var request = PBListRecommendationsRequest()
        request.customerID = customer ?? ""
        request.asOf = figures.asOf
        request.scope = figures.requestScope
        request.products = figures.products
        request.languageCode = language
        let response = try await connection.connect { [request] client in
            try await paging.collect(request, \PBListRecommendationsResponse.recommendations) {
                try await client.listRecommendations($0)
            }
        }
        try Answer(
            message: response,
            table: {
                let words = AdviceWords(language: language)
                return AdviceView(
                    recommendations: response.recommendations, words: words,
                    heading: words.heading(customer: customer, day: figures.asOf), screen: $0
                ).text()
            },
            csv: { AdviceView.rows(response.recommendations) }
        ).print(connection.output)
    }
}
