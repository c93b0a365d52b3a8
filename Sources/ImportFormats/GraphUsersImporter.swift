import InsightsAPI
import LicenseModel

/// Graph `users` with `assignedLicenses`: names, and one snapshot per SKU of everybody who holds it. People are keyed
/// by their lower-cased user principal name, as the activity reports are.
struct GraphUsersImporter: FactImporter {
    private let options: ImportOptions
    private var holders: [String: Set<String>] = [:]
    private var pages = ListPages()
    private(set) var report = ImportReport()

    init(options: ImportOptions) {
        self.options = options
        for sku in options.extraSkuIDs { holders[sku.lowercased()] = [] }
    }

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        let envelope = try JSONDocument.readList(file, as: .graphUsers, limits: options.limits) { object, locate in
            report.rows += 1
            let user = try object.requiredString("userPrincipalName").lowercased()
            guard let licenses = try object.array("assignedLicenses") else {
                throw JSONProblem(
                    offset: object.offset,
                    message: "assignedLicenses is missing; ask for it with $select, or everybody would lose everything")
            }
            if let name = try object.string("displayName")?.cleanedName, !name.isEmpty {
                var fact = PBUserFact()
                fact.customerID = options.customerID
                fact.userID = user
                fact.displayName = name
                try sink.add(.user(fact), at: locate(object.offset))
            }
            report.add("users", one: "user")
            if !licenses.isEmpty { report.add("of them licensed") }
            try hold(licenses, user: user)
        }
        pages.add(envelope, of: file)
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        for (sku, users) in holders.sorted(by: { $0.key < $1.key }) {
            if let since = options.heldSince { try assign(users, sku: sku, since: since, into: &sink) }
            var fact = PBAssignmentSnapshotFact()
            fact.customerID = options.customerID
            fact.skuID = sku
            fact.date = options.snapshotDay.description
            fact.userIds = users.sorted()
            try sink.add(.assignmentSnapshot(fact), at: .wholeFile)
            report.add("snapshots, one per SKU", one: "snapshot")
            report.add("assignments", one: "assignment", users.count)
        }
        if options.heldSince == nil && options.date == nil {
            report.note(
                "people hold their licenses from \(options.snapshotDay) on; for a customer's first file say with "
                    + "--held-since from which day they did")
        }
        // Nobody lost anything before a customer's first file.
        if options.extraSkuIDs.isEmpty && options.heldSince == nil {
            report.note(
                "licenses of SKUs that nobody in the file holds are left as they were: name those SKUs with "
                    + "--all-skus-from or --sku")
        }
        try sink.addCoverage(.assignments, through: options.snapshotDay, options: options)
    }

    private func assign(_ users: Set<String>, sku: String, since: Day, into sink: inout FactSink) throws {
        for user in users.sorted() {
            var fact = PBAssignmentFact()
            fact.customerID = options.customerID
            fact.userID = user
            fact.skuID = sku
            fact.startDate = since.description
            try sink.add(.assignment(fact), at: .wholeFile)
        }
    }

    private mutating func hold(_ licenses: [JSONValue], user: String) throws {
        for element in licenses {
            let license = try JSONObject(element, what: "an element of assignedLicenses")
            let sku = try license.requiredString("skuId").lowercased()
            guard sku.isGUID else {
                throw JSONProblem(offset: license.offset("skuId"), message: "skuId \(sku.excerpt) is not a GUID")
            }
            holders[sku, default: []].insert(user)
            if let disabled = try license.array("disabledPlans"), !disabled.isEmpty {
                report.leaveOut("plans switched off for a single person (disabledPlans)", disabled.count)
            }
        }
    }
}
