/// The vendor's *Product names and service plan identifiers*: one row per product and plan, joined on the lower-cased
/// and trimmed GUID, because names and part numbers change and repeat.
struct SkuTableImporter: FactImporter {
    private let options: ImportOptions
    private var skus: [String: (record: SkuRecord, file: String, position: FilePosition)] = [:]
    private var free: FreeSkuNames
    private(set) var report = ImportReport()

    init(options: ImportOptions) {
        self.options = options
        free = FreeSkuNames(options.freeSkus)
    }

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        let required = ["product_display_name", "string_id", "guid", "service_plan_name"]
        try CSVTable.read(file, as: .skuTable, required: required, limits: options.limits) { row in
            report.rows += 1
            try add(row, file: file.name)
        }
    }

    private mutating func add(_ row: CSVRow, file: String) throws {
        let id = try row.text("guid")?.lowercased() ?? ""
        guard id.isGUID else {
            report.leaveOut(
                "a row whose GUID is none", isFault: true,
                at: .init(file: file, position: row.position("guid"), text: id.excerpt))
            return
        }
        guard let partNumber = try row.text("string_id"), !partNumber.isEmpty else {
            report.leaveOut(
                "a row without String_Id", isFault: true,
                at: .init(file: file, position: row.position("string_id"), text: id))
            return
        }
        var name = try row.text("product_display_name")?.cleanedName ?? ""
        if !name.fitsName {
            report.leaveOut(
                "a name that is longer than names may be", isFault: true,
                at: .init(file: file, position: row.position("product_display_name"), text: name.excerpt))
            name = ""
        }
        let plan = try row.text("service_plan_name") ?? ""
        var entry =
            skus[id] ?? (SkuRecord(id: id, name: name, partNumber: partNumber), file, row.position)
        if entry.record.name.isEmpty { entry.record.name = name }
        if !name.isEmpty && name != entry.record.name {
            report.note("\(id) has more than one name; “\(entry.record.name)” is used")
        }
        if !plan.isEmpty { entry.record.plans.insert(plan) }
        skus[id] = entry
    }

    mutating func finish(into sink: inout FactSink) throws {
        for (id, entry) in skus.sorted(by: { $0.key < $1.key }) {
            var record = entry.record
            if record.name.isEmpty { record.name = record.partNumber.fitsName ? record.partNumber.cleanedName : id }
            record.isFree = free.contains(record)
            let fact = record.fact
            sink.file = entry.file
            try sink.add(.sku(fact), at: entry.position)
            report.add("SKUs", one: "SKU")
            switch fact.product {
            case .office365: report.add("Office 365")
            case .dynamics365: report.add("Dynamics 365")
            default: report.add("of other families (ingested, not covered by insights)")
            }
            if record.isFree { report.add("of them free (nobody's purchase)") }
        }
        free.noteUnused(in: &report)
    }
}
