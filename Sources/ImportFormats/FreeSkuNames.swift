/// SKUs that are free: by their part number, or because somebody names them.
struct FreeSkuNames {
    private let named: Set<String>
    private var unused: Set<String>

    /// - Parameter named: ids and part numbers, lower-cased.
    init(_ named: Set<String>) {
        self.named = named
        unused = named
    }

    mutating func contains(_ sku: SkuRecord) -> Bool {
        var isNamed = false
        for name in [sku.id, sku.partNumber.lowercased()] where named.contains(name) {
            isNamed = true
            unused.remove(name)
        }
        return isNamed || FreeSkuRules.isFree(partNumber: sku.partNumber)
    }

    /// Says which names were of no SKU: most likely they are written wrongly.
    func noteUnused(in report: inout ImportReport) {
        guard !unused.isEmpty else { return }
        let names = unused.sorted().prefix(10).map(\.excerpt).joined(separator: ", ")
        report.note("--free-skus names \(unused.count) that no SKU of the files is: \(names)", isOfFiles: true)
    }
}
