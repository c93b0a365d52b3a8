import ArgumentParser
import ImportFormats
import InsightsAPI
import InsightsClient
import LicenseModel

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "What does not fit in what is known of a customer (operator only).",
        discussion: """
            Looks at what the server knows as of today: subscriptions that their source no longer lists, SKUs that the \
            catalog lacks, subscriptions of an unknown seller, people whose names are concealed, people who hold a \
            license and were never seen or are seen without one, and sources that lag.

            With files of today in hand it also tells where they and the server differ: subscriptions that one of both \
            lacks or has otherwise, and SKUs of which the files say another number of holders. The files are those of \
            insights import; nothing is sent.

            Examples:
              insights check contoso
              insights check contoso --subscriptions subs.json --users page1.json page2.json
              insights check contoso --subscribed-skus skus.json
            """)

    @Argument(help: "Customer id.") var customer: String
    @Option(parsing: .upToNextOption, help: "JSON of Graph directory/subscriptions.") var subscriptions: [String] = []
    @Option(parsing: .upToNextOption, help: "JSON of Graph users with assignedLicenses, all pages.")
    var users: [String] = []
    @Option(help: "JSON of Graph subscribedSkus: its consumedUnits are the holders.") var subscribedSkus: String?
    @Option(help: ArgumentHelp("Tenant id of the customer. Default: the customer id, if it is one.", valueName: "guid"))
    var customerTenant: String?
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        var files = FilesInHand()
        if !subscriptions.isEmpty {
            files.subscriptions = try facts(.graphSubscriptions, subscriptions).compactMap { fact in
                if case .subscription(let fact) = fact.fact { fact } else { nil }
            }
        }
        if !users.isEmpty {
            files.holders = [:]
            for case .assignmentSnapshot(let fact)? in try facts(.graphUsers, users).map(\.fact) {
                files.holders?[fact.skuID, default: 0] += Int64(fact.userIds.count)
            }
        }
        if let subscribedSkus {
            files.consumed = try SideFiles.customerSkus(InputFile(path: subscribedSkus), options: options())
                .consumedUnits
        }
        var request = PBCheckCustomerRequest()
        request.customerID = customer
        let response = try await connection.connect { [request] in try await $0.checkCustomer(request) }
        let findings = CheckFindings(response, files)
        try Answer(
            message: response, table: { _ in findings.text(of: customer) }, csv: { findings.rows }
        ).print(connection.output)
        if connection.output == .json, !files.isEmpty {
            for finding in findings.ofFiles { Terminal.writeError("differs: \(finding.text)") }
        }
    }

    private func facts(_ kind: ImportKind, _ paths: [String]) throws -> [PBFact] {
        let plan = ImportPlan(kind: kind, files: paths.map { InputFile(path: $0) }, options: options())
        var facts: [PBFact] = []
        try plan.makeBatches(try plan.inspect()) { facts += $0.request.facts }
        return facts
    }

    private func options() -> ImportOptions {
        var options = ImportOptions(today: Clock.today)
        options.customerID = customer
        options.customerTenant = OptionText.tenant(customerTenant, customer: customer)
        options.acceptDrop = true
        return options
    }
}
