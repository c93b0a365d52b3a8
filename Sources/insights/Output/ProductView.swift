import InsightsAPI

/// The figures of products as tables: licenses per SKU and usage per workload. With both scopes the license figures
/// stand side by side as `own / all`; usage is the same in either.
struct ProductView {
    var own: [PBProductInsights]?
    var all: [PBProductInsights]?
    var screen: Screen

    func text() -> String {
        let shown = all ?? own ?? []
        if shown.isEmpty { return "No figures.\n" }
        return shown.map { product in
            if product.isIdle {
                let activity = product.hasUsage ? " and no activity" : "; activity \(NumberText.notReported)"
                return "\(product.product.title.uppercased())\n  No licenses\(activity).\n"
            }
            let beside = all == nil ? nil : own?.first { $0.product == product.product }
            return section(product, own: beside)
        }.joined(separator: "\n")
    }

    private func section(_ product: PBProductInsights, own: PBProductInsights?) -> String {
        product.product.title.uppercased() + "\n" + licenses(product, own: own) + "\n" + usage(product)
    }

    private func licenses(_ product: PBProductInsights, own: PBProductInsights?) -> String {
        let columns = LicenseColumns.shown.map { column in
            let suffix = own == nil || column.isSameInEitherScope ? "" : " own / all"
            return (title: (column.title ?? "") + suffix, column: column)
        }
        var table = TextTable([.text("License")] + columns.map { .number($0.title) } + [.text("")])
        for sku in product.skus {
            let beside = own?.skus.first { $0.skuID == sku.skuID }?.licenses
            table.add(row(sku.skuName.isEmpty ? sku.skuID : sku.skuName, sku.licenses, own: beside, hasOwn: own != nil))
        }
        table.add(
            row("Total", product.licenses, own: own?.licenses, hasOwn: own != nil), ruled: !product.skus.isEmpty)
        table.dropIdleColumns(Set(columns.filter(\.column.isDroppedWhenIdle).map(\.title) + [""]))
        return table.text(indent: "  ")
    }

    private func row(_ name: String, _ all: PBLicenseFigures, own: PBLicenseFigures?, hasOwn: Bool) -> [String] {
        let cells = LicenseColumns.shown.map { column in
            let total = column.text(all)
            guard hasOwn, !column.isSameInEitherScope else { return total }
            let part = own.map(column.text) ?? NumberText.none
            let isAbsent = part == total && [NumberText.notReported, NumberText.none].contains(part)
            return isAbsent ? total : "\(part) / \(total)"
        }
        let bar = BarText.bar(all.deployment.hasPercent ? all.deployment.percent : nil, screen: screen)
        return [name] + cells + [bar]
    }

    private func usage(_ product: PBProductInsights) -> String {
        guard product.hasUsage else { return "  Usage: activity \(NumberText.notReported)\n" }
        let period = "Used from \(product.usage.windowStart) to \(product.usage.windowEnd)"
        var table = TextTable([.text(period)] + UsageColumns.all.map(\.heading) + [.text("")])
        for workload in product.workloads {
            table.add(row("\(workload.workloadName) (\(workload.workloadCode))", workload.reportedUsage))
        }
        table.add(row("Any workload", product.usage), ruled: !product.workloads.isEmpty)
        table.dropIdleColumns([""])
        let counted = UsageNote.text(active: product.usage.activeUsers, ratio: product.usage.usage)
        return table.text(indent: "  ") + (counted.isEmpty ? "" : "  \(counted)\n")
    }

    private func row(_ name: String, _ figures: PBUsageFigures?) -> [String] {
        let ratio = figures?.usage
        let bar = BarText.bar(ratio?.hasPercent == true ? ratio?.percent : nil, screen: screen)
        return [name] + UsageColumns.all.texts(figures) + [bar]
    }
}

/// Why a ratio is not that of the two counts beside it.
enum UsageNote {
    /// Empty where all active users count.
    static func text(active: Int64, ratio: PBRatio) -> String {
        guard ratio.numerator != active else { return "" }
        return "Usage is of \(NumberText.count(ratio.numerator)) of the \(NumberText.count(active)) active users: "
            + "the licenses or assignments of the others are not reported."
    }
}

extension PBProductInsights {
    /// Nothing at all, as far as it is reported: no SKU, no license, nobody active.
    var isIdle: Bool {
        skus.isEmpty && licenses.hasSold && licenses.sold == 0 && licenses.trial == 0 && licenses.uncounted == 0
            && usage.activeUsers == 0
    }
}

/// Figures of products as rows for machines: one per SKU, one per workload and one per product.
enum ProductRows {
    static let header = ["product", "row", "id", "name"] + LicenseColumns.all.names() + UsageColumns.all.names()

    static func rows(_ products: [PBProductInsights]) -> [[String]] {
        let noUsage = UsageColumns.all.map { _ in "" }
        let noLicenses = LicenseColumns.all.map { _ in "" }
        var rows = [[String]]()
        for product in products {
            let code = product.product.code
            let sums = LicenseColumns.all.machine(product.licenses) + UsageColumns.all.machine(product.reportedUsage)
            rows.append([code, "product", "", ""] + sums)
            for sku in product.skus {
                rows.append([code, "sku", sku.skuID, sku.skuName] + LicenseColumns.all.machine(sku.licenses) + noUsage)
            }
            for workload in product.workloads {
                let figures = noLicenses + UsageColumns.all.machine(workload.reportedUsage)
                rows.append([code, "workload", workload.workloadCode, workload.workloadName] + figures)
            }
        }
        return rows
    }
}
