import InsightsAPI

/// What a comparison shows besides the license figures of either scope.
private enum ComparisonColumns {
    typealias Column = FigureColumn<PBLicenseComparison>

    static let otherSellers: [Column] = [
        .count("direct_sold", "Direct", isDroppedWhenIdle: true) { $0.hasDirectSold ? $0.directSold : nil },
        .count("other_partners_sold", "Other partners", isDroppedWhenIdle: true) {
            $0.hasOtherPartnersSold ? $0.otherPartnersSold : nil
        },
        .count("unknown_sold", "Unknown", isDroppedWhenIdle: true) { $0.hasUnknownSold ? $0.unknownSold : nil },
    ]
    static let ownShare = Column(
        name: "own_share_percent", title: "Own share", text: { NumberText.percent(share(of: $0)) },
        machine: { NumberText.machine(share(of: $0)) })

    static func share(of comparison: PBLicenseComparison) -> Double? {
        comparison.hasOwnSharePercent ? comparison.ownSharePercent : nil
    }
}

/// Own licenses beside those of all sellers.
struct ComparisonView {
    var response: PBCompareLicensesResponse
    var heading: String
    var screen: Screen

    func text() -> String {
        var table = TextTable(
            [.text("License"), .number("Own sold")] + ComparisonColumns.otherSellers.map(\.heading)
                + [.number("All sold"), ComparisonColumns.ownShare.heading, .text("")]
                + [.number("Own assigned"), .number("All assigned")]
                + [.number("Own deployment"), .number("All deployment")])
        var product = PBProduct.unspecified
        for comparison in response.comparisons {
            let isNew = comparison.product != product && product != .unspecified
            product = comparison.product
            table.add(row(comparison, comparison.skuName.isEmpty ? comparison.skuID : comparison.skuName), ruled: isNew)
        }
        table.add(row(response.total, "Total"), ruled: !response.comparisons.isEmpty)
        table.dropIdleColumns(Set(ComparisonColumns.otherSellers.map(\.heading.title) + [""]))
        return heading + "\n\n" + table.text() + note()
    }

    private func note() -> String {
        let hasEstimate = response.comparisons.contains { $0.own.attribution == .estimated }
        guard hasEstimate else { return "" }
        return "\n~ estimated: assigned licenses belong to no seller; the range in brackets is certain.\n"
    }

    private func row(_ comparison: PBLicenseComparison, _ name: String) -> [String] {
        let (own, all) = (comparison.own, comparison.allPartners)
        let share = ComparisonColumns.share(of: comparison)
        return [name, LicenseColumns.sold.text(own)] + ComparisonColumns.otherSellers.texts(comparison)
            + [LicenseColumns.sold.text(all), ComparisonColumns.ownShare.text(comparison)]
            + [BarText.bar(share, screen: screen)]
            + [LicenseColumns.assigned, LicenseColumns.deployment].flatMap { [$0.text(own), $0.text(all)] }
    }

    static func rows(_ response: PBCompareLicensesResponse) -> [[String]] {
        let figures = LicenseColumns.all
        let others = ComparisonColumns.otherSellers + [ComparisonColumns.ownShare]
        let header =
            ["as_of", "product", "sku_id", "sku_name"] + figures.names().map { "own_" + $0 }
            + figures.names().map { "all_" + $0 } + others.names()
        return [header]
            + (response.comparisons + [response.total]).map { comparison in
                [response.asOf, comparison.product.code, comparison.skuID, comparison.skuName]
                    + figures.machine(comparison.own) + figures.machine(comparison.allPartners)
                    + others.machine(comparison)
            }
    }
}
