import InsightsCore
import LicenseModel

/// An export as CSV: UTF-8, stable columns, CRLF, `;` for Dutch and `,` otherwise. Texts that a spreadsheet would run
/// as a formula are neutralized with an apostrophe.
struct ExportCSV: Sendable {
    private let separator: UInt8
    private let byteOrderMark: Bool

    init(language: Language, byteOrderMark: Bool) {
        separator = language == .dutch ? UInt8(ascii: ";") : UInt8(ascii: ",")
        self.byteOrderMark = byteOrderMark
    }

    static let columns = [
        "date", "customer_id", "customer_name", "market", "product", "own_sold", "own_entitled", "all_sold",
        "all_entitled", "trial", "uncounted", "assigned", "assigned_unsold", "deployment_percent", "active_users",
        "total_users", "entitlements", "usage_percent", "usage_per_entitlement_percent", "subscriptions_through",
        "assignments_through", "activity_through",
    ]

    func header(into chunk: inout [UInt8]) {
        if byteOrderMark { chunk += [0xEF, 0xBB, 0xBF] }
        line(Self.columns, into: &chunk)
    }

    func row(
        _ customer: CustomerRow, on day: Day, _ product: Product, _ figures: ExportFigures, into chunk: inout [UInt8]
    ) {
        func text(_ value: Int64?) -> String { value.map(String.init) ?? "" }
        func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        line(
            [
                day.description, Self.neutral(customer.customer.text), Self.neutral(customer.name),
                Self.neutral(customer.market), Self.name(product), text(figures.ownSold), text(figures.ownEntitled),
                text(figures.allSold), text(figures.allEntitled), text(figures.trial), text(figures.uncounted),
                text(figures.assigned), text(figures.assignedUnsold), text(figures.deploymentPercent),
                text(figures.activeUsers), text(figures.totalUsers), text(figures.entitlements),
                text(figures.usagePercent), text(figures.usagePerEntitlementPercent),
                customer.coverage.subscriptions?.description ?? "", customer.coverage.assignments?.description ?? "",
                customer.coverage.activity?.description ?? "",
            ], into: &chunk)
    }

    private static func name(_ product: Product) -> String {
        switch product {
        case .office365: "OFFICE_365"
        case .dynamics365: "DYNAMICS_365"
        }
    }

    /// A text whose first character makes it a formula gets an apostrophe in front, which spreadsheets do not show.
    static func neutral(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return text }
        switch first {
        case "=", "+", "-", "@", "\t", "\r", "\n", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}": return "'" + text
        default: return text
        }
    }

    private func line(_ fields: [String], into chunk: inout [UInt8]) {
        for (index, field) in fields.enumerated() {
            if index > 0 { chunk.append(separator) }
            append(field, to: &chunk)
        }
        chunk += [0x0D, 0x0A]
    }

    private func append(_ field: String, to chunk: inout [UInt8]) {
        let special: Set<UInt8> = [separator, 0x22, 0x0A, 0x0D]
        guard field.utf8.contains(where: special.contains) else {
            chunk.append(contentsOf: field.utf8)
            return
        }
        chunk.append(0x22)
        for byte in field.utf8 {
            if byte == 0x22 { chunk.append(0x22) }
            chunk.append(byte)
        }
        chunk.append(0x22)
    }
}
