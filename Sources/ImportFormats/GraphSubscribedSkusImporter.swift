/// Graph `subscribedSkus`. Its totals name no seller, so only the catalog part becomes facts.
struct GraphSubscribedSkusImporter: FactImporter {
    private let options: ImportOptions
    private var free: FreeSkuNames
    private var pages = ListPages()
    private(set) var report = ImportReport()

    init(options: ImportOptions) {
        self.options = options
        free = FreeSkuNames(options.freeSkus)
    }

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        let envelope = try JSONDocument.readList(
            file, as: .graphSubscribedSkus, limits: options.limits
        ) { object, locate in
            report.rows += 1
            var sku: SkuRecord
            switch try Self.sku(object, options: options) {
            case .success(let record): sku = record
            case .failure(let problem):
                report.leaveOut(
                    "a SKU without a usable id or part number", isFault: true,
                    at: .init(file: file.name, position: locate(problem.offset), text: problem.message))
                return
            }
            if sku.name.isEmpty { sku.name = sku.id }
            if !sku.name.fitsName {
                report.leaveOut(
                    "a name that is longer than names may be", isFault: true,
                    at: .init(file: file.name, position: locate(object.offset("skuPartNumber")), text: sku.id))
                sku.name = sku.id
            }
            sku.isFree = free.contains(sku)
            try sink.add(.sku(sku.fact), at: locate(object.offset))
            report.add("SKUs", one: "SKU")
            if sku.isFree { report.add("of them free (nobody's purchase)") }
            if !sku.isForUsers { report.add("for the whole organization (no licenses of people)") }
            if try object.count("consumedUnits") != nil {
                report.leaveOut(
                    "totals without a seller (consumedUnits, prepaidUnits): use graph-subscriptions and graph-users")
            }
        }
        pages.add(envelope, of: file)
        report.note(
            "names are part numbers here; import sku-table afterwards for the sales names", isOfFiles: true)
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        if options.customerTenant.isEmpty {
            report.note("without the customer's tenant id it was not checked whose file this is", isOfFiles: true)
        }
        free.noteUnused(in: &report)
    }

    /// One element, after checking that it belongs to the customer: its id starts with the tenant. A failure is what is
    /// wrong with this SKU alone.
    static func sku(_ object: JSONObject, options: ImportOptions) throws -> Result<SkuRecord, JSONProblem> {
        if let full = try object.string("id")?.lowercased(), let separator = full.firstIndex(of: "_") {
            let tenant = String(full[..<separator])
            if !options.customerTenant.isEmpty && tenant != options.customerTenant {
                throw JSONProblem(
                    offset: object.offset("id"),
                    message: "the file belongs to tenant \(tenant.excerpt), not to \(options.customerTenant)")
            }
        }
        let id: String
        let partNumber: String
        do {
            id = try object.requiredString("skuId").lowercased()
            guard id.isGUID else {
                throw JSONProblem(offset: object.offset("skuId"), message: "skuId \(id.excerpt) is not a GUID")
            }
            partNumber = try object.requiredString("skuPartNumber").cleanedName
        } catch let problem as JSONProblem {
            return .failure(problem)
        }
        var record = SkuRecord(id: id, name: partNumber, partNumber: partNumber)
        record.isForUsers = try object.word("appliesTo") != "company"
        for element in try object.array("servicePlans") ?? [] {
            let plan = try JSONObject(element, what: "an element of servicePlans")
            if let name = try plan.string("servicePlanName") { record.plans.insert(name) }
        }
        return .success(record)
    }
}
