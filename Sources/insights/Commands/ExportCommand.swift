import ArgumentParser
import InsightsAPI
import InsightsClient
import LicenseModel

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "The whole portfolio: one row per customer, product and day.",
        discussion: """
            Prints CSV, or with --output json one JSON object per line, which leaves out what is empty. Without days: \
            the last day for which any customer reported. A cut connection is taken up again by itself. With --out the \
            file appears under its name only when it is complete; after an interruption run the same command with \
            --resume.

            Examples:
              insights export > portfolio.csv
              insights export --from 2026-01-01 --to 2026-03-31 --out first-quarter.csv
              insights export --from 2026-01-01 --to 2026-03-31 --out first-quarter.csv --resume
              insights export --language nl --bom --out portefeuille.csv
              insights export --as-of 2026-03-31 --output json | jq .all_sold
            """)

    @Option(help: ArgumentHelp("First day.", valueName: "YYYY-MM-DD")) var from: String = ""
    @Option(
        help: ArgumentHelp("Last day; at most \(FactLimits.maximumRangeDays) days in all.", valueName: "YYYY-MM-DD"))
    var to: String = ""
    @Option(help: ArgumentHelp("One day instead of a range.", valueName: "YYYY-MM-DD")) var asOf: String = ""
    @Option(help: "Only this product; may be repeated.")
    var product: [ProductArgument] = []
    @Option(help: "Language: nl separates with semicolons.") var language: String = ""
    @Flag(help: "Start with a byte order mark, for spreadsheet programs.") var bom = false
    @Option(name: .customLong("out"), help: ArgumentHelp("Write to this file.", valueName: "file")) var file: String?
    @Flag(help: "Go on with an interrupted export to the same file.") var resume = false
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        if resume && file == nil { throw ValidationError("--resume needs --out") }
        if from.isEmpty != to.isEmpty { throw ValidationError("give --from and --to together") }
        if !asOf.isEmpty && !from.isEmpty { throw ValidationError("give --as-of or a range, not both") }
    }

    func run() async throws {
        let isRows = connection.output == .json
        var request = PBExportInsightsRequest()
        request.format = isRows ? .rows : .csv
        request.startDate = from
        request.endDate = to
        request.asOf = asOf
        request.products = product.map(\.product)
        request.languageCode = language
        request.byteOrderMark = bom
        let target = try ExportTarget(path: file, request: request, isResumed: resume)
        request.resumeToken = target.resumeToken
        let progress = ProgressLine(isTerminal: Terminal.errorIsTerminal)
        try await connection.connect { [request] client in
            try await client.exportInsights(request) { message in
                try target.append(message, isRows: isRows)
                progress.show(
                    done: message.customersDone, total: message.customersTotal, unit: "customers", prefix: "export")
            }
        }
        progress.clear()
        try target.complete()
        if let file { Terminal.writeError("wrote \(target.byteText) to \(file)") }
    }
}
