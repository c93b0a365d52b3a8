import InsightsAPI

/// A warning about licenses that are in no figure, because the catalog lacks their SKUs.
enum UncataloguedNote {
    /// SKUs that are named; the rest is counted.
    private static let named = 3

    /// Nothing when there are none; else a line.
    ///
    /// - Parameters:
    ///   - skus: the first of them.
    ///   - count: all of them.
    static func text(_ skus: [PBUncataloguedSku], count: Int32) -> String {
        guard count > 0 else { return "" }
        var names = skus.prefix(named).map { sku in
            "\(sku.skuID.harmless) (\(NumberText.count(Int(clamping: sku.sold), "license", "licenses")))"
        }
        let rest = Int64(count) - Int64(names.count)
        if rest > 0 { names.append("\(NumberText.count(rest)) more") }
        return "Not in the catalog, so in no figure: \(names.joined(separator: ", "))\n"
    }
}
