import InsightsAPI
import LicenseModel
import Tenancy

/// Graph `getOffice365ActiveUserDetail`: per person the last day of activity in each workload. Reports of several days,
/// as several files or put together in one, add up: each gives every person one more known day.
struct GraphActiveUsersImporter: FactImporter {
    private let options: ImportOptions
    private var lastRefresh: Day?
    private var concealed = 0
    private var pages = ListPages()
    private(set) var report = ImportReport()

    init(options: ImportOptions) { self.options = options }

    /// Columns; the vendor adds and renames some over the years.
    static let columns: [(name: String, code: String)] = [
        ("exchange last activity date", Workload.exo.code), ("onedrive last activity date", Workload.oneDriveCode),
        ("sharepoint last activity date", Workload.spo.code),
        ("skype for business last activity date", Workload.sfb.code), ("yammer last activity date", Workload.yam.code),
        ("viva engage last activity date", Workload.yam.code), ("teams last activity date", Workload.teams.code),
    ]

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        let table = try ReportTable.read(
            file, as: .graphActiveUsers, required: ["report refresh date", "user principal name"],
            anyOf: Self.columns.map(\.name), limits: options.limits
        ) { row in
            report.rows += 1
            try add(row, into: &sink)
        }
        if let envelope = table.envelope { pages.add(envelope, of: file) }
        if table.rows == 0 {
            report.note("\(file.name) has no rows: the report of that day is empty")
        } else {
            nameLeftOut(table.columns)
        }
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        if concealed > 0 {
            report.note(
                "\(concealed) names are concealed: they count, but meet no license holder; the customer can show names "
                    + "in the reports settings of its admin center")
        }
        // The report speaks up to its refresh day, however late the file is imported.
        if let lastRefresh { try sink.addCoverage(.activity, through: lastRefresh, options: options) }
    }

    private mutating func nameLeftOut(_ columns: [String]) {
        let known = Set(Self.columns.map(\.name.foldedName))
        for name in columns where name.foldedName.hasSuffix("lastactivitydate") && !known.contains(name.foldedName) {
            report.leaveOut("column “\(name)” is of no covered workload")
        }
    }

    private mutating func add(_ row: ReportRow, into sink: inout FactSink) throws {
        let refresh = try checked("report refresh date", row, try row.requiredDay("report refresh date")) {
            (text, field) throws(FieldError) in
            try FieldRules.day(text, notAfter: options.today, field)
        }
        lastRefresh = max(lastRefresh ?? refresh, refresh)
        let isDeleted = try flag("is deleted", row)
        let user = try checked("user principal name", row, try row.required("user principal name")) {
            (text, field) throws(FieldError) in
            try FieldRules.id(Self.userID(text.lowercased(), isDeleted: isDeleted), field) as UserID
        }.text
        if Self.isConcealed(user) {
            concealed += 1
        } else if let name = try row.text("display name")?.cleanedName, !name.isEmpty, name != "(Unknown)",
            !Self.isConcealed(name)
        {
            var fact = PBUserFact()
            fact.customerID = options.customerID
            fact.userID = user
            fact.displayName = name
            try sink.add(.user(fact), at: row.position)
        }
        for (column, code) in Self.columns {
            guard let day = try row.day(column) else { continue }
            var fact = PBActivityFact()
            fact.customerID = options.customerID
            fact.userID = user
            fact.workloadCode = code
            fact.dates = [day]
            try sink.add(.activity(fact), at: row.position(column))
            report.add("activities", one: "activity")
        }
    }

    /// A column that every row needs, by the contract's rules and at its place.
    private func checked<Value>(
        _ column: String, _ row: ReportRow, _ text: String, _ rule: (String, String) throws(FieldError) -> Value
    ) throws -> Value {
        do throws(FieldError) {
            return try rule(text, column)
        } catch {
            throw PositionedProblem(row.position(column), error.message)
        }
    }

    private func flag(_ column: String, _ row: ReportRow) throws -> Bool {
        switch try row.text(column)?.lowercased() {
        case "true": return true
        case "false", "", nil: return false
        default: throw PositionedProblem(row.position(column), "“\(column)” must be True or False")
        }
    }

    /// 32 hexadecimal digits stand for a name that the customer conceals.
    static func isConcealed(_ name: String) -> Bool {
        name.utf8.count == 32 && name.utf8.allSatisfy { $0 < 0x80 && Character(Unicode.Scalar($0)).isHexDigit }
    }

    /// The directory puts 32 hexadecimal digits before the name of somebody who is deleted; without them the activity
    /// still belongs to the same person.
    static func userID(_ name: String, isDeleted: Bool) -> String {
        guard isDeleted, name.utf8.count > 33, name.contains("@"), isConcealed(String(name.prefix(32))) else {
            return name
        }
        let rest = name.dropFirst(32)
        return rest.hasPrefix("@") ? name : String(rest)
    }
}
