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
            if product.isIdle { return "\(product.product.title.uppercased())\n  No licenses and no activity.\n" }
            let beside = all == nil ? nil : own?.first { $0.product == product.product }
            return section(product, own: beside)
        }.joined(separator: "\n")
    }

    private func section(_ product: PBProductInsights, own: PBProductInsights?) -> String {
        product.product.title.uppercased() + "\n" + licenses(product, own: own) + "\n" + usage(product)
    }

    private func licenses(_ product: PBProductInsights, own: PBProductInsights?) -> String {
        let suffix = own == nil ? "" : " own / all"
        var table = TextTable([
            .text("License"), .number("Sold" + suffix), .number("Entitled" + suffix), .number("Trial" + suffix),
            .number("Uncounted"), .number("Assigned" + suffix), .number("Assigned unsold"),
            .number("Deployment" + suffix), .text(""),
        ])
        for sku in product.skus {
            let beside = own?.skus.first { $0.skuID == sku.skuID }?.licenses
            table.add(row(sku.skuName.isEmpty ? sku.skuID : sku.skuName, sku.licenses, own: beside, hasOwn: own != nil))
        }
        table.add(
            row("Total", product.licenses, own: own?.licenses, hasOwn: own != nil), ruled: !product.skus.isEmpty)
        table.dropIdleColumns(["Trial" + suffix, "Uncounted", "Assigned unsold", ""])
        return table.text(indent: "  ")
    }

    private func row(_ name: String, _ all: PBLicenseFigures, own: PBLicenseFigures?, hasOwn: Bool) -> [String] {
        let pair = { (text: (PBLicenseFigures) -> String) -> String in
            let total = text(all)
            guard hasOwn else { return total }
            let part = own.map(text) ?? NumberText.none
            let isAbsent = part == total && [NumberText.notReported, NumberText.none].contains(part)
            return isAbsent ? total : "\(part) / \(total)"
        }
        return [
            name,
            pair { NumberText.count($0.hasSold ? $0.sold : nil) },
            pair { NumberText.count($0.hasEntitled ? $0.entitled : nil) },
            pair { NumberText.count($0.hasTrial ? $0.trial : nil) },
            NumberText.count(all.hasUncounted ? all.uncounted : nil),
            pair(NumberText.assigned),
            NumberText.count(all.hasAssignedUnsold ? all.assignedUnsold : nil),
            pair(NumberText.deployment),
            BarText.bar(all.deployment.hasPercent ? all.deployment.percent : nil, screen: screen),
        ]
    }

    private func usage(_ product: PBProductInsights) -> String {
        guard product.hasUsage else { return "  Usage: activity \(NumberText.notReported)\n" }
        var table = TextTable([
            .text("Used from \(product.usage.windowStart) to \(product.usage.windowEnd)"), .number("Active users"),
            .number("Total users"), .number("Entitlements"), .number("Usage"), .number("Per entitlement"), .text(""),
        ])
        for workload in product.workloads {
            table.add(row("\(workload.workloadName) (\(workload.workloadCode))", workload.usage, workload.hasUsage))
        }
        table.add(row("Any workload", product.usage, true), ruled: !product.workloads.isEmpty)
        table.dropIdleColumns([""])
        let counted = UsageNote.text(active: product.usage.activeUsers, ratio: product.usage.usage)
        return table.text(indent: "  ") + (counted.isEmpty ? "" : "  \(counted)\n")
    }

    private func row(_ name: String, _ usage: PBUsageFigures, _ isReported: Bool) -> [String] {
        guard isReported else { return [name] + Array(repeating: NumberText.notReported, count: 5) + [""] }
        return [
            name, NumberText.count(usage.activeUsers),
            NumberText.count(usage.hasTotalUsers ? usage.totalUsers : nil),
            NumberText.count(usage.hasEntitlements ? usage.entitlements : nil),
            NumberText.percent(usage.hasUsage ? usage.usage : nil),
            NumberText.percent(usage.hasUsagePerEntitlement ? usage.usagePerEntitlement : nil),
            BarText.bar(usage.usage.hasPercent ? usage.usage.percent : nil, screen: screen),
        ]
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
    /// Reported to be nothing at all: no SKU, no license, nobody active.
    var isIdle: Bool {
        skus.isEmpty && licenses.hasSold && licenses.sold == 0 && licenses.trial == 0 && licenses.uncounted == 0
            && usage.activeUsers == 0
    }
}

/// Figures of products as rows for machines: one per SKU, one per workload and one per product.
enum ProductRows {
    static let header =
        ["product", "row", "id", "name"] + LicenseRow.columns
        + ["active_users", "total_users", "entitlements", "usage_percent", "usage_per_entitlement_percent"]

    static func rows(_ products: [PBProductInsights]) -> [[String]] {
        let noUsage = Array(repeating: "", count: 5)
        let noLicenses = Array(repeating: "", count: LicenseRow.columns.count)
        var rows = [[String]]()
        for product in products {
            let code = product.product.code
            let sums = LicenseRow.cells(product.licenses) + usage(product.usage, product.hasUsage)
            rows.append([code, "product", "", ""] + sums)
            for sku in product.skus {
                rows.append([code, "sku", sku.skuID, sku.skuName] + LicenseRow.cells(sku.licenses) + noUsage)
            }
            for workload in product.workloads {
                let figures = noLicenses + usage(workload.usage, workload.hasUsage)
                rows.append([code, "workload", workload.workloadCode, workload.workloadName] + figures)
            }
        }
        return rows
    }

    static func usage(_ usage: PBUsageFigures, _ isReported: Bool) -> [String] {
        guard isReported else { return Array(repeating: "", count: 5) }
        return [
            NumberText.machine(usage.activeUsers), NumberText.machine(usage.hasTotalUsers ? usage.totalUsers : nil),
            NumberText.machine(usage.hasEntitlements ? usage.entitlements : nil),
            NumberText.machine(usage.usage.hasPercent ? usage.usage.percent : nil),
            NumberText.machine(usage.usagePerEntitlement.hasPercent ? usage.usagePerEntitlement.percent : nil),
        ]
    }
}

enum LicenseRow {
    static let columns = [
        "sold", "entitled", "trial", "uncounted", "assigned", "assigned_lower", "assigned_upper", "assigned_unsold",
        "attribution", "deployment_percent",
    ]

    static func cells(_ licenses: PBLicenseFigures) -> [String] {
        [
            NumberText.machine(licenses.hasSold ? licenses.sold : nil),
            NumberText.machine(licenses.hasEntitled ? licenses.entitled : nil),
            NumberText.machine(licenses.hasTrial ? licenses.trial : nil),
            NumberText.machine(licenses.hasUncounted ? licenses.uncounted : nil),
            NumberText.machine(licenses.hasAssigned ? licenses.assigned : nil),
            NumberText.machine(licenses.hasAssignedLower ? licenses.assignedLower : nil),
            NumberText.machine(licenses.hasAssignedUpper ? licenses.assignedUpper : nil),
            NumberText.machine(licenses.hasAssignedUnsold ? licenses.assignedUnsold : nil),
            licenses.attribution.code,
            NumberText.machine(licenses.deployment.hasPercent ? licenses.deployment.percent : nil),
        ]
    }
}
