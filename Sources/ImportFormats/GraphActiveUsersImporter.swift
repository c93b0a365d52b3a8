import InsightsAPI
import LicenseModel
import Tenancy

/// Graph `getOffice365ActiveUserDetail`: per person the last day of activity in each workload. Reports of several days,
/// as several files or put together in one, add up: each gives every person one more known day.
struct GraphActiveUsersImporter: FactImporter {
    private let options: ImportOptions
    private var lastRefresh: Day?
    private var concealed = 0
    private(set) var report = ImportReport()

    init(options: ImportOptions) { self.options = options }

    /// Lower-cased columns; the vendor adds and renames some over the years.
    static let columns: [(name: String, code: String)] = [
        ("exchange last activity date", Workload.exo.code), ("onedrive last activity date", Workload.oneDriveCode),
        ("sharepoint last activity date", Workload.spo.code),
        ("skype for business last activity date", Workload.sfb.code), ("yammer last activity date", Workload.yam.code),
        ("viva engage last activity date", Workload.yam.code), ("teams last activity date", Workload.teams.code),
    ]

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        var isFirstRow = true
        try CSVTable.read(
            file, required: ["report refresh date", "user principal name"], limits: options.limits
        ) { row in
            if isFirstRow {
                try checkColumns(row.header)
                isFirstRow = false
            }
            report.rows += 1
            try add(row, into: &sink)
        }
        if isFirstRow { report.note("\(file.name) has no rows: the report of that day is empty") }
    }

    mutating func finish(into sink: inout FactSink) throws {
        if concealed > 0 {
            report.note(
                "\(concealed) names are concealed: they count, but meet no license holder; the customer can show names "
                    + "in the reports settings of its admin center")
        }
        // The report speaks up to its refresh day, however late the file is imported.
        if let lastRefresh { try sink.addCoverage(.activity, through: lastRefresh, options: options) }
    }

    private mutating func checkColumns(_ header: CSVHeader) throws {
        let known = Set(Self.columns.map(\.name))
        guard header.names.contains(where: known.contains) else {
            throw PositionedProblem(
                FilePosition(line: 1, column: 0), "the header has no known “… Last Activity Date” column")
        }
        for name in header.names where name.hasSuffix("last activity date") && !known.contains(name) {
            report.leaveOut("column “\(name)” is of no covered workload")
        }
    }

    private mutating func add(_ row: CSVRow, into sink: inout FactSink) throws {
        let refresh = try checked("report refresh date", row) { (text, field) throws(FieldError) in
            try FieldRules.day(text, notAfter: options.today, field)
        }
        lastRefresh = max(lastRefresh ?? refresh, refresh)
        let isDeleted = try flag("is deleted", row)
        let user = try checked("user principal name", row) { (text, field) throws(FieldError) in
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
            guard let day = try row.text(column), !day.isEmpty else { continue }
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
        _ column: String, _ row: CSVRow, _ rule: (String, String) throws(FieldError) -> Value
    ) throws -> Value {
        let text = try row.required(column)
        do throws(FieldError) {
            return try rule(text, column)
        } catch {
            throw PositionedProblem(row.position(column), error.message)
        }
    }

    private func flag(_ column: String, _ row: CSVRow) throws -> Bool {
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
