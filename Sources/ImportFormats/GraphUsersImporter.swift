import InsightsAPI
import LicenseModel
import Tenancy

/// Graph `users` with `assignedLicenses`: names, and one snapshot per SKU of everybody who holds it. People are keyed
/// by the directory's object id, which stays when they are renamed; their sign-in name, which the activity reports
/// print, is an alias. A file without object ids keys them by the sign-in name.
struct GraphUsersImporter: FactImporter {
    private let options: ImportOptions
    private var holders: [String: Set<String>] = [:]
    /// Main ids, and whether the person holds a license. A person may be on two pages.
    private var people: [String: Bool] = [:]
    private var pages = ListPages()
    private(set) var report = ImportReport()

    /// Below this many consumed licenses a file is too small to tell that something is wrong with it.
    static let smallestBrake: Int64 = 10

    init(options: ImportOptions) {
        self.options = options
        for sku in options.extraSkuIDs { holders[sku.lowercased()] = [] }
    }

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        let envelope = try JSONDocument.readList(file, as: .graphUsers, limits: options.limits) { object, locate in
            report.rows += 1
            let place = { (key: String, text: String) in
                LeftOut.Place(file: file.name, position: locate(object.offset(key)), text: text)
            }
            guard let user = try person(object, place: place) else { return }
            guard let licenses = try object.array("assignedLicenses") else {
                throw JSONProblem(
                    offset: object.offset,
                    message: "assignedLicenses is missing; ask for it with $select, or everybody would lose everything")
            }
            let isNew = people[user.userID] == nil
            people[user.userID, default: false] = people[user.userID] == true || !licenses.isEmpty
            if isNew, !user.displayName.isEmpty || !user.principalName.isEmpty {
                try sink.add(.user(user), at: locate(object.offset))
            }
            try hold(licenses, user: user.userID)
        }
        pages.add(envelope, of: file)
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        report.add("users", one: "user", people.count)
        let licensed = people.values.count { $0 }
        if licensed > 0 { report.add("of them licensed", licensed) }
        try checkDrop(licensed: licensed)
        for (sku, users) in holders.sorted(by: { $0.key < $1.key }) {
            let users = users.sorted()
            if let since = options.heldSince { try assign(users, sku: sku, since: since, into: &sink) }
            for part in HolderSnapshots.facts(of: users, sku: sku, options: options) {
                try sink.add(.assignmentSnapshot(part), at: .wholeFile)
            }
            report.add("snapshots, one per SKU", one: "snapshot")
            report.add("assignments", one: "assignment", users.count)
        }
        addNotes()
        try sink.addCoverage(.assignments, through: options.snapshotDay, options: options)
    }

    private mutating func addNotes() {
        if options.heldSince == nil && options.date == nil {
            report.note(
                "people hold their licenses from \(options.snapshotDay) on; for a customer's first file say with "
                    + "--held-since from which day they did", isOfFiles: true)
        }
        // Nobody lost anything before a customer's first file.
        if options.extraSkuIDs.isEmpty && options.heldSince == nil {
            report.note(
                "licenses of SKUs that nobody in the file holds are left as they were: name those SKUs with "
                    + "--all-skus-from or --sku", isOfFiles: true)
        }
    }

    /// A file in which licenses are missing looks like one in which people lost them.
    private func checkDrop(licensed: Int) throws {
        if people.isEmpty, report.rows > 0 {
            throw PositionedProblem(
                .wholeFile,
                "no row has a userPrincipalName; ask for it with $select=id,userPrincipalName,displayName,"
                    + "assignedLicenses")
        }
        if options.acceptDrop { return }
        guard licensed > 0 else {
            throw PositionedProblem(
                .wholeFile,
                "nobody in the files holds a license, so that everybody would lose theirs; if that is so, say "
                    + "--accept-drop")
        }
        var consumed: Int64 = 0
        var held: Int64 = 0
        for (sku, units) in options.consumedUnits {
            consumed = consumed.addingReportingOverflow(units).overflow ? .max : consumed + units
            held += Int64(holders[sku]?.count ?? 0)
        }
        guard consumed < Self.smallestBrake || held >= consumed / 2 + consumed % 2 else {
            throw PositionedProblem(
                .wholeFile,
                "the files have \(held) of the \(consumed) licenses that the directory counts as consumed, "
                    + "fewer than half; if people did lose them, say --accept-drop")
        }
    }

    /// The person of a row; nil for nobody.
    private mutating func person(
        _ object: JSONObject, place: (String, String) -> LeftOut.Place
    ) throws -> PBUserFact? {
        let display = try object.string("displayName")?.cleanedName ?? ""
        guard let name = SignInName(try object.string("userPrincipalName")) else {
            report.leaveOut("a row that names nobody", isFault: true, at: place("userPrincipalName", display.excerpt))
            return nil
        }
        var fact = PBUserFact()
        fact.customerID = options.customerID
        let directoryID = try Self.objectID(object)
        guard let main = directoryID ?? name.id else {
            report.leaveOut("a sign-in name that no id can hold", isFault: true, at: place("userPrincipalName", ""))
            return nil
        }
        fact.userID = main
        if directoryID != nil {
            if let name = name.id {
                fact.principalName = name
            } else {
                report.leaveOut("a sign-in name that no id can hold", isFault: true, at: place("userPrincipalName", ""))
            }
        }
        if display.fitsName {
            fact.displayName = display
        } else {
            report.leaveOut(
                "a name that is longer than names may be", isFault: true, at: place("displayName", display.excerpt))
        }
        return fact
    }

    /// Nil when the file has none that could be one.
    private static func objectID(_ object: JSONObject) throws -> String? {
        guard let id = try object.string("id")?.lowercased(), (try? FieldRules.id(id, "id") as UserID) != nil else {
            return nil
        }
        return id
    }

    private func assign(_ users: [String], sku: String, since: Day, into sink: inout FactSink) throws {
        for user in users {
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
