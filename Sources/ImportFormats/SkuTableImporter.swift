/// The vendor's *Product names and service plan identifiers*: one row per product and plan, joined on the lower-cased
/// and trimmed GUID, because names and part numbers change and repeat.
struct SkuTableImporter: FactImporter {
    private let options: ImportOptions
    private var skus: [String: (record: SkuRecord, file: String, position: FilePosition)] = [:]
    private(set) var report = ImportReport()

    init(options: ImportOptions) { self.options = options }

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        let required = ["product_display_name", "string_id", "guid", "service_plan_name"]
        try CSVTable.read(file, required: required, limits: options.limits) { row in
            report.rows += 1
            let id = try row.required("guid").lowercased()
            guard id.isGUID else {
                throw PositionedProblem(row.position("guid"), "GUID \(id.excerpt) is not a GUID")
            }
            let partNumber = try row.required("string_id")
            let name = try row.text("product_display_name")?.cleanedName ?? ""
            let plan = try row.text("service_plan_name") ?? ""
            var entry =
                skus[id] ?? (
                    SkuRecord(id: id, name: name.isEmpty ? partNumber : name, partNumber: partNumber), file.name,
                    row.position
                )
            if !name.isEmpty && name != entry.record.name {
                report.note("\(id) has more than one name; “\(entry.record.name)” is used")
            }
            if !plan.isEmpty { entry.record.plans.insert(plan) }
            skus[id] = entry
        }
    }

    mutating func finish(into sink: inout FactSink) throws {
        for (_, entry) in skus.sorted(by: { $0.key < $1.key }) {
            let fact = entry.record.fact
            sink.file = entry.file
            try sink.add(.sku(fact), at: entry.position)
            report.add("SKUs", one: "SKU")
            switch fact.product {
            case .office365: report.add("Office 365")
            case .dynamics365: report.add("Dynamics 365")
            default: report.add("of other families (ingested, not covered by insights)")
            }
        }
    }
}
