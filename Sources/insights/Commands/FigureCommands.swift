import ArgumentParser
import InsightsAPI
import InsightsClient

struct CustomerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "customer",
        abstract: "The figures of one customer.",
        discussion: """
            Licenses per SKU and usage per workload, own sales and all sellers side by side. “not reported” is no \
            zero: the source has not spoken. “~” marks an estimate: assigned licenses belong to no seller.

            Examples:
              insights customer contoso
              insights customer contoso --as-of 2026-03-31 --scope own
              insights customer contoso --product office-365 --output json
            """)

    @Argument(help: "Customer id.") var customer: String
    @OptionGroup var figures: FigureOptions
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var request = PBGetCustomerInsightsRequest()
        request.customerID = customer
        request.asOf = figures.asOf
        request.products = figures.products
        request.scope = figures.requestScope
        let isBoth = figures.scope == nil && connection.output == .table
        let (all, own) = try await connection.connect { client in
            let all = try await client.getCustomerInsights(request)
            guard isBoth else { return (all, PBGetCustomerInsightsResponse?.none) }
            // The same day, whatever is ingested in between.
            var second = request
            second.asOf = all.insights.asOf
            second.scope = .own
            return (all, try await client.getCustomerInsights(second))
        }
        let insights = all.insights
        try Answer(
            message: all,
            table: { screen in
                let name = insights.customerName.isEmpty ? insights.customerID : insights.customerName.harmless
                let scope = isBoth ? "licenses: own sales / all sellers" : insights.scope.sentence
                return "\(name) (\(insights.customerID)) as of \(insights.asOf) · \(scope)\n"
                    + "Sources: \(insights.freshness.sentence)\n"
                    + UncataloguedNote.text(insights.uncataloguedSkus, count: insights.uncataloguedSkuCount) + "\n"
                    + ProductView(own: own?.insights.products, all: insights.products, screen: screen).text()
            },
            csv: { [ProductRows.header] + ProductRows.rows(insights.products) }
        ).print(connection.output)
    }
}

struct PortfolioCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "portfolio",
        abstract: "The sums over all your customers.",
        discussion: """
            Customers for which a source has not reported are left out of the figures that need it; the line below \
            the title counts those without activity. Without --as-of: the last day for which any customer reported.

            Examples:
              insights portfolio
              insights portfolio --scope own --product office-365
              insights portfolio --as-of 2026-03-31 --output csv
            """)

    @OptionGroup var figures: FigureOptions
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var request = PBGetPortfolioInsightsRequest()
        request.asOf = figures.asOf
        request.products = figures.products
        request.scope = figures.requestScope
        let isBoth = figures.scope == nil && connection.output == .table
        let (all, own) = try await connection.connect { client in
            let all = try await client.getPortfolioInsights(request)
            guard isBoth else { return (all, PBGetPortfolioInsightsResponse?.none) }
            var second = request
            second.asOf = all.insights.asOf
            second.scope = .own
            return (all, try await client.getPortfolioInsights(second))
        }
        let insights = all.insights
        try Answer(
            message: all,
            table: { screen in
                let scope = isBoth ? "licenses: own sales / all sellers" : insights.scope.sentence
                return "Portfolio as of \(insights.asOf) · \(scope)\n" + Self.customers(insights) + "\n"
                    + UncataloguedNote.text(insights.uncataloguedSkus, count: insights.uncataloguedSkuCount) + "\n"
                    + ProductView(own: own?.insights.products, all: insights.products, screen: screen).text()
            },
            csv: { [ProductRows.header] + ProductRows.rows(insights.products) }
        ).print(connection.output)
    }

    private static func customers(_ insights: PBPortfolioInsights) -> String {
        "Customers: \(NumberText.count(insights.customerCount)) · activity reported for "
            + "\(NumberText.count(insights.reportedCustomers)), lagging for "
            + "\(NumberText.count(insights.laggingCustomers)), not reported for "
            + NumberText.count(insights.unreportedCustomers)
    }
}

struct CustomersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "customers",
        abstract: "Your customers with their figures.",
        discussion: """
            --filter takes conditions joined by AND over customer_id, customer_name, sold, assigned, active_users, \
            deployment, usage and market, with = != < <= > >= and, for text, “:” (contains). Percentages are plain \
            numbers. --order-by takes one of these keys (not market), with “ desc” for descending. Without --as-of: \
            the last day for which any customer reported.

            Examples:
              insights customers
              insights customers --filter 'usage < 40 AND sold >= 25' --order-by 'usage'
              insights customers --filter 'customer_name:bv' --scope own
              insights customers --names --filter 'market = NL' --output csv
            """)

    @Option(help: "Conditions, such as 'usage < 40 AND sold >= 25'.") var filter: String = ""
    @Option(help: "Key to order by, such as 'usage desc'. Default: the customer id.") var orderBy: String = ""
    @Flag(help: "List names, markets and reported days only, without figures.") var names = false
    @OptionGroup var paging: PagingOptions
    @OptionGroup var figures: FigureOptions
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        if names && !orderBy.isEmpty { throw ValidationError("--names is always ordered by id") }
    }

    func run() async throws {
        if names { try await listNames() } else { try await listFigures() }
    }

    private func listFigures() async throws {
        var request = PBListCustomerInsightsRequest()
        request.asOf = figures.asOf
        request.products = figures.products
        request.scope = figures.requestScope
        request.filter = filter
        request.orderBy = orderBy
        let response = try await connection.connect { [request] client in
            try await paging.collect(request, \PBListCustomerInsightsResponse.insights) {
                try await client.listCustomerInsights($0)
            }
        }
        try Answer(
            message: response,
            table: {
                CustomersView(customers: response.insights, total: Int(response.totalSize), screen: $0).text()
            },
            csv: { CustomersView.rows(response.insights) }
        ).print(connection.output)
    }

    private func listNames() async throws {
        var request = PBListCustomersRequest()
        request.filter = filter
        let response = try await connection.connect { [request] client in
            try await paging.collect(request, \PBListCustomersResponse.customers) {
                try await client.listCustomers($0)
            }
        }
        let row = { (customer: PBCustomer) in
            [customer.customerID, customer.name, customer.market, customer.customerSince]
                + [.subscriptions, .assignments, .activity].map(customer.freshness.day)
        }
        try Answer(
            message: response,
            table: { _ in
                var table = TextTable(
                    ["Customer", "Name", "Market", "Since", "Subscriptions", "Assignments", "Activity"]
                        .map(TextTable.Column.text))
                for customer in response.customers { table.add(row(customer)) }
                return response.customers.isEmpty ? "No customers.\n" : table.text()
            },
            csv: {
                [["customer_id", "name", "market", "customer_since", "subscriptions", "assignments", "activity"]]
                    + response.customers.map(row)
            }
        ).print(connection.output)
    }
}

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Own licenses beside those of all sellers, per SKU.",
        discussion: """
            Without a customer: the whole portfolio. Other partners only ever appear as one sum.

            Examples:
              insights compare
              insights compare contoso --as-of 2026-03-31
              insights compare contoso --output csv
            """)

    @Argument(help: "Customer id; without it, the portfolio.") var customer: String?
    @Option(help: .dayOfFigures) var asOf: String = ""
    @Option(help: "Only this product; may be repeated.")
    var product: [ProductArgument] = []
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var request = PBCompareLicensesRequest()
        request.customerID = customer ?? ""
        request.asOf = asOf
        request.products = product.map(\.product)
        let response = try await connection.connect { [request] in try await $0.compareLicenses(request) }
        try Answer(
            message: response,
            table: {
                let heading = "\(customer ?? "Portfolio") as of \(response.asOf) · own licenses beside all sellers"
                return ComparisonView(response: response, heading: heading, screen: $0).text()
            },
            csv: { ComparisonView.rows(response) }
        ).print(connection.output)
    }
}
