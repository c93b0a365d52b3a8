import InsightsAPI

/// Own licenses beside those of all sellers.
struct ComparisonView {
    var response: PBCompareLicensesResponse
    var heading: String
    var screen: Screen

    func text() -> String {
        var table = TextTable([
            .text("License"), .number("Own sold"), .number("Direct"), .number("Other partners"), .number("Unknown"),
            .number("All sold"), .number("Own share"), .text(""), .number("Own assigned"), .number("All assigned"),
            .number("Own deployment"), .number("All deployment"),
        ])
        var product = PBProduct.unspecified
        for comparison in response.comparisons {
            let isNew = comparison.product != product && product != .unspecified
            product = comparison.product
            table.add(row(comparison, comparison.skuName.isEmpty ? comparison.skuID : comparison.skuName), ruled: isNew)
        }
        table.add(row(response.total, "Total"), ruled: !response.comparisons.isEmpty)
        table.dropIdleColumns(["Direct", "Other partners", "Unknown", ""])
        return heading + "\n\n" + table.text() + note()
    }

    private func note() -> String {
        let hasEstimate = response.comparisons.contains { $0.own.attribution == .estimated }
        guard hasEstimate else { return "" }
        return "\n~ estimated: assigned licenses belong to no seller; the range in brackets is certain.\n"
    }

    private func row(_ comparison: PBLicenseComparison, _ name: String) -> [String] {
        let share = comparison.hasOwnSharePercent ? comparison.ownSharePercent : nil
        return [
            name, NumberText.count(comparison.own.hasSold ? comparison.own.sold : nil),
            NumberText.count(comparison.hasDirectSold ? comparison.directSold : nil),
            NumberText.count(comparison.hasOtherPartnersSold ? comparison.otherPartnersSold : nil),
            NumberText.count(comparison.hasUnknownSold ? comparison.unknownSold : nil),
            NumberText.count(comparison.allPartners.hasSold ? comparison.allPartners.sold : nil),
            NumberText.percent(share), BarText.bar(share, screen: screen), NumberText.assigned(comparison.own),
            NumberText.assigned(comparison.allPartners), NumberText.deployment(comparison.own),
            NumberText.deployment(comparison.allPartners),
        ]
    }

    static func rows(_ response: PBCompareLicensesResponse) -> [[String]] {
        let header =
            ["as_of", "product", "sku_id", "sku_name"] + LicenseRow.columns.map { "own_" + $0 }
            + LicenseRow.columns.map { "all_" + $0 }
            + ["direct_sold", "other_partners_sold", "unknown_sold", "own_share_percent"]
        return [header]
            + (response.comparisons + [response.total]).map { comparison in
                [response.asOf, comparison.product.code, comparison.skuID, comparison.skuName]
                    + LicenseRow.cells(comparison.own) + LicenseRow.cells(comparison.allPartners)
                    + [
                        NumberText.machine(comparison.hasDirectSold ? comparison.directSold : nil),
                        NumberText.machine(comparison.hasOtherPartnersSold ? comparison.otherPartnersSold : nil),
                        NumberText.machine(comparison.hasUnknownSold ? comparison.unknownSold : nil),
                        NumberText.machine(comparison.hasOwnSharePercent ? comparison.ownSharePercent : nil),
                    ]
            }
    }
}
