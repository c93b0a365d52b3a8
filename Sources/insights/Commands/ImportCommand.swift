import ArgumentParser
import Foundation
import ImportFormats
import InsightsAPI
import InsightsClient
import LicenseModel

extension ImportKind: ExpressibleByArgument {}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Read the files that partners have in hand, and send them (operator only).",
        discussion: """
            The kinds:
              sku-table              CSV: the vendor's “Product names and service plan identifiers for licensing”
              graph-subscribed-skus  JSON of Graph subscribedSkus: the catalog part (SKUs and their plans)
              graph-subscriptions    JSON of Graph directory/subscriptions: quantity, state, trial and seller
              graph-users            JSON of Graph users with assignedLicenses: who holds what on --date
              graph-active-users     CSV of Graph getOffice365ActiveUserDetail: who last used what when
              partner-subscriptions  JSON of a customer's subscriptions in Partner Center: the sales of --partner
              facts                  JSON lines, each a Fact in protobuf JSON

            All files of one command are one import: give all pages of an answer together. Everything is read and \
            checked before anything is sent; a bad row is reported by file, line and column. An import of up to \
            \(NumberText.count(Int64(FactLimits.defaultMaximumBatchFacts))) facts and \
            \(FactLimits.defaultMaximumMessageBytes >> 20) MiB is one batch, all or nothing; a larger one is several. \
            Importing the same files again changes nothing. A coverage day never moves back.

            A row that names nobody, a name too long, a catalog row with a bad id: left out, counted, and the first \
            ten of each kind named on standard error. A bad day, number or state refuses the file, because leaving it \
            out would make a figure wrong. --strict refuses the former too.

            sku-table, graph-subscribed-skus: SKUs of the vendor that are nobody's purchase (self-service, viral, \
            exploratory, ad hoc) are free by their part number; --free-skus names others.

            graph-subscriptions: the customer's own tenant as owner means bought directly, another tenant is a \
            partner (named by --partner-tenant, else by its tenant id); no owner, one of zeros and one named by \
            --provider-tenant are an unknown seller (or a direct one, where there is no owner and the reseller's \
            order id is an explicit null). With --date each row holds from that day on; without it, or with \
            --since-creation, from the day the subscription was created. What the files do not list is over from \
            --date on, so give all pages together.

            graph-users: whoever is listed with a SKU holds it from --date on (or from --held-since on, for a \
            customer's first file). Everybody else loses that SKU on --date, if at least one person in the files \
            holds it: a SKU that nobody holds is not in the files, and its former holders keep it. So name all SKUs \
            of the customer with --all-skus-from (JSON of subscribedSkus, or one id per line) or --sku. People are \
            known by their object id and renamed by their sign-in name. Files in which nobody holds a license, or \
            fewer than half of what --all-skus-from counts as consumed, are refused unless --accept-drop is given.

            graph-active-users: activity counts through the report's refresh day, not through today, and of the \
            workloads that the report has a column for. Concealed names count as people, but meet no license holder.

            partner-subscriptions: each row is sold by --partner, or by whom --partner-mpn says for its partnerId; \
            an id that is not mapped is an unknown seller. What is billed by usage, Azure and software have no seats \
            and are left out. An offer is looked up whole, then by product:sku. An expired subscription is in grace \
            for 30 days. What --partner or a mapped partner sold and the files do not list is over from --date on.

            Examples:
              insights import sku-table 'Product names and service plan identifiers for licensing.csv'
              insights import graph-subscriptions subs.json --customer contoso --customer-tenant 7f… \\
                --partner-tenant 51…=contoso-reseller --date 2026-03-31
              insights import graph-users page1.json page2.json --customer contoso --all-skus-from skus.json
              insights import graph-active-users d28.csv d29.csv --customer contoso
              insights import partner-subscriptions subs.json --customer contoso --partner contoso-reseller \\
                --offer-map offers.csv
              insights import partner-subscriptions subs.json --customer contoso --partner contoso-reseller \\
                --partner-mpn 1111111=contoso-reseller --partner-mpn 2222222=fabrikam-cloud --offer-map offers.csv
              insights import facts facts.jsonl --check
            """)

    @Argument(help: "What the files are.")
    var kind: ImportKind
    @Argument(help: "Files of that kind.") var files: [String]
    @Option(help: "Customer that the rows belong to (all kinds but the catalogs and facts).") var customer: String?
    @Option(help: ArgumentHelp("Tenant id of the customer. Default: the customer id, if it is one.", valueName: "guid"))
    var customerTenant: String?
    @Option(help: ArgumentHelp("Day of the download. Default: today (UTC).", valueName: "YYYY-MM-DD"))
    var date: String?
    @Flag(help: "Subscriptions count from the day of their creation: for a customer's first file.")
    var sinceCreation = false
    @Option(
        help: ArgumentHelp(
            "The people of graph-users have held their licenses since this day: for a customer's first file.",
            valueName: "YYYY-MM-DD"))
    var heldSince: String?
    @Option(help: "Partner who sold (partner-subscriptions).") var partner: String = ""
    @Option(
        help: ArgumentHelp(
            "Which partner a tenant is (graph-subscriptions); may be repeated.", valueName: "tenant=partner"))
    var partnerTenant: [String] = []
    @Option(
        help: ArgumentHelp(
            "Tenant of an indirect provider, which as owner tells no seller (graph-subscriptions); may be repeated.",
            valueName: "guid"))
    var providerTenant: [String] = []
    @Option(
        help: ArgumentHelp(
            "Which partner a partnerId is (partner-subscriptions); may be repeated.", valueName: "id=partner"))
    var partnerMpn: [String] = []
    @Option(
        help: ArgumentHelp(
            "Which SKU an offer is (partner-subscriptions): CSV with the columns offer_id and sku_id.",
            valueName: "file")) var offerMap: String?
    @Flag(help: "Leave out subscriptions whose offer has no SKU.") var skipUnmapped = false
    @Option(
        help: ArgumentHelp(
            "SKU that people lose if nobody in the files holds it (graph-users); may be repeated.", valueName: "id"))
    var sku: [String] = []
    @Option(help: ArgumentHelp("File with all SKUs of the customer, for the same purpose.", valueName: "file"))
    var allSkusFrom: String?
    @Flag(help: "Take graph-users for the truth even if nearly everybody lost their licenses.") var acceptDrop = false
    @Option(
        help: ArgumentHelp(
            "File with SKUs that are free: one id or part number a line (sku-table, graph-subscribed-skus).",
            valueName: "file"))
    var freeSkus: String?
    @Flag(help: "Refuse the files instead of leaving out what should not be there.") var strict = false
    @Flag(help: "Do not say that the source has reported through the day, nor what is over: more files follow.")
    var noCoverage = false
    @Flag(help: "Read and check the files, and send nothing.") var check = false
    @Option(help: ArgumentHelp("Send again what has been sent before, under other batch ids.", valueName: "text"))
    var salt: String = ""
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let plan = ImportPlan(kind: kind, files: files.map { InputFile(path: $0) }, options: try options())
        let inspection = try plan.inspect()
        var summary = ImportSummary(kind: kind, inspection: inspection)
        if !check {
            summary.sent = try await connection.connect { client in
                try await ImportSender(plan: plan, inspection: inspection, client: client).send()
            }
        }
        switch connection.output {
        case .table: Terminal.write(summary.text())
        case .json: Terminal.write(try summary.json())
        case .csv: Terminal.write(CSVText.text(summary.rows))
        }
        for line in summary.leftOutLines { Terminal.writeError(line) }
        if connection.output == .json { return }
        for note in inspection.report.notes { Terminal.writeError("note: \(note)") }
    }

    func options() throws -> ImportOptions {
        var options = ImportOptions(today: Clock.today)
        options.customerID = customer ?? ""
        options.customerTenant = OptionText.tenant(customerTenant, customer: customer ?? "")
        options.date = try date.map { try OptionText.day($0, "--date") }
        options.sinceCreation = sinceCreation
        options.heldSince = try heldSince.map { try OptionText.day($0, "--held-since") }
        options.partnerID = partner
        options.skipUnmapped = skipUnmapped
        options.withoutCoverage = noCoverage
        options.salt = salt
        options.acceptDrop = acceptDrop
        options.strict = strict
        for (tenant, partner) in try Self.pairs(partnerTenant, "--partner-tenant", "TENANT=PARTNER") {
            options.partnerTenants[tenant] = partner
        }
        for (number, partner) in try Self.pairs(partnerMpn, "--partner-mpn", "ID=PARTNER") {
            options.partnerNumbers[number] = partner
        }
        options.providerTenants = Set(providerTenant.map { $0.lowercased() })
        if let complaint = options.complaint(for: kind) { throw CommandFailure(complaint) }
        if let offerMap { options.offers = try SideFiles.offerMap(InputFile(path: offerMap)) }
        options.extraSkuIDs = sku
        if let allSkusFrom {
            let skus = try SideFiles.customerSkus(InputFile(path: allSkusFrom), options: options)
            options.extraSkuIDs += skus.ids
            options.consumedUnits = skus.consumedUnits
        }
        if let freeSkus { options.freeSkus = try SideFiles.freeSkus(InputFile(path: freeSkus)) }
        return options
    }

    /// Pairs with the left side lower-cased.
    private static func pairs(_ texts: [String], _ option: String, _ form: String) throws -> [(String, String)] {
        try texts.map { text in
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex,
                text.index(after: equals) != text.endIndex
            else { throw CommandFailure("\(option) “\(text)” is not \(form)") }
            return (text[..<equals].lowercased(), String(text[text.index(after: equals)...]))
        }
    }
}
