/// Graph `subscribedSkus`. Its totals name no seller, so only the catalog part becomes facts.
struct GraphSubscribedSkusImporter: FactImporter {
    private let options: ImportOptions
    private var pages = ListPages()
    private(set) var report = ImportReport()

    init(options: ImportOptions) { self.options = options }

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        let envelope = try JSONDocument.readList(
            file, as: .graphSubscribedSkus, limits: options.limits
        ) { object, locate in
            report.rows += 1
            let sku = try Self.sku(object, options: options)
            try sink.add(.sku(sku.fact), at: locate(object.offset))
            report.add("SKUs", one: "SKU")
            if !sku.isForUsers { report.add("for the whole organization (no licenses of people)") }
            if try object.count("consumedUnits") != nil {
                report.leaveOut(
                    "totals without a seller (consumedUnits, prepaidUnits): use graph-subscriptions and graph-users")
            }
        }
        pages.add(envelope, of: file)
        report.note("names are part numbers here; import sku-table afterwards for the sales names")
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        if options.customerTenant.isEmpty {
            report.note("without the customer's tenant id it was not checked whose file this is")
        }
    }

    /// One element, after checking that it belongs to the customer: its id starts with the tenant.
    static func sku(_ object: JSONObject, options: ImportOptions) throws -> SkuRecord {
        let id = try object.requiredString("skuId").lowercased()
        guard id.isGUID else {
            throw JSONProblem(offset: object.offset("skuId"), message: "skuId \(id.excerpt) is not a GUID")
        }
        if let full = try object.string("id")?.lowercased(), let separator = full.firstIndex(of: "_") {
            let tenant = String(full[..<separator])
            if !options.customerTenant.isEmpty && tenant != options.customerTenant {
                throw JSONProblem(
                    offset: object.offset("id"),
                    message: "the file belongs to tenant \(tenant.excerpt), not to \(options.customerTenant)")
            }
        }
        let partNumber = try object.requiredString("skuPartNumber").cleanedName
        var record = SkuRecord(id: id, name: partNumber, partNumber: partNumber)
        record.isForUsers = try object.string("appliesTo")?.lowercased() != "company"
        for element in try object.array("servicePlans") ?? [] {
            let plan = try JSONObject(element, what: "an element of servicePlans")
            if let name = try plan.string("servicePlanName") { record.plans.insert(name) }
        }
        return record
    }
}
