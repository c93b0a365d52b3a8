import InsightsAPI
import LicenseModel
import Tenancy

/// Graph `getOffice365ActiveUserDetail`: per person the last day of activity in each workload. Reports of several days,
/// as several files or put together in one, add up: each gives every person one more known day.
struct GraphActiveUsersImporter: FactImporter {
    /// Which kinds of names one report has.
    private struct Names {
        var hasShown = false
        var hasDigests = false
    }

    private let options: ImportOptions
    private let known: ImportFindings
    private var names: [ImportFindings.Report: Names] = [:]
    private var file = 0
    /// The last day for which each workload is reported.
    private var through: [String: Day] = [:]
    private var concealed = 0
    private var pages = ListPages()
    private(set) var report = ImportReport()

    init(options: ImportOptions, known: ImportFindings) {
        self.options = options
        self.known = known
    }

    /// Columns by workload; the vendor adds and renames some over the years.
    static let columns: [(code: String, names: [String])] = [
        (Workload.exo.code, ["exchange last activity date"]),
        (Workload.oneDriveCode, ["onedrive last activity date"]),
        (Workload.spo.code, ["sharepoint last activity date"]),
        (Workload.sfb.code, ["skype for business last activity date"]),
        (Workload.yam.code, ["yammer last activity date", "viva engage last activity date"]),
        (Workload.teams.code, ["teams last activity date"]),
    ]

    var findings: ImportFindings {
        var findings = ImportFindings()
        findings.openReports = Set(names.filter { $0.value.hasShown && $0.value.hasDigests }.keys)
        return findings
    }

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        self.file += 1
        var last: Day?
        let table = try ReportTable.read(
            file, as: .graphActiveUsers, required: ["report refresh date", "user principal name"],
            anyOf: Self.columns.flatMap(\.names), limits: options.limits
        ) { row in
            report.rows += 1
            let refresh = try refreshDay(row)
            last = max(last ?? refresh, refresh)
            try add(row, of: refresh, file: file.name, into: &sink)
        }
        if let envelope = table.envelope { pages.add(envelope, of: file) }
        nameLeftOut(table.columns)
        let there = Set(table.columns.map(\.foldedName))
        let found = Self.columns.filter { $0.names.contains { there.contains($0.foldedName) } }
        let codes = Set(found.map { $0.code == Workload.oneDriveCode ? Workload.spo.code : $0.code }).sorted()
        // The report of a day on which nobody did anything has no row that could tell the day.
        let asked = file.day ?? options.date
        if let day = last ?? asked { cover(codes, through: day) }
        guard last == nil else { return }
        if codes.isEmpty {
            report.note(
                "\(file.name) has no rows, and JSON without rows does not say of which workloads it is", isOfFiles: true
            )
        } else if let day = asked {
            report.note("\(file.name) has no rows: nobody was active up to \(day)", isOfFiles: true)
        } else {
            report.note("\(file.name) has no rows: say with --date up to which day it reports", isOfFiles: true)
        }
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        if concealed > 0 {
            let rows = concealed == 1 ? "1 row has a concealed name" : "\(concealed) rows have concealed names"
            report.note(
                "\(rows): they count as people, but meet no license holder; the customer can show names in the reports "
                    + "settings of its admin center")
        }
        if !known.openReports.isEmpty {
            report.note("names that look like digests stand beside names that are shown: they count as names")
        }
        // A report speaks up to its refresh day, however late the file is imported, and of its own workloads alone.
        let codes = Dictionary(grouping: through, by: \.value).mapValues { $0.map(\.key) }
        for (day, codes) in codes.sorted(by: { $0.key < $1.key }) {
            try sink.addCoverage(.activity, through: day, workloads: codes.sorted(), options: options)
        }
    }

    private mutating func cover(_ codes: [String], through day: Day) {
        for code in codes { through[code] = max(through[code] ?? day, day) }
    }

    private mutating func nameLeftOut(_ columns: [String]) {
        let known = Set(Self.columns.flatMap(\.names).map(\.foldedName))
        for name in columns where name.foldedName.hasSuffix("lastactivitydate") && !known.contains(name.foldedName) {
            report.leaveOut("column “\(name)” is of no covered workload")
        }
    }

    private mutating func add(_ row: ReportRow, of refresh: Day, file: String, into sink: inout FactSink) throws {
        let place = { (column: String, text: String) in
            LeftOut.Place(file: file, position: row.position(column), text: text)
        }
        let display = try row.text("display name")?.cleanedName ?? ""
        guard let name = SignInName(try row.text("user principal name")) else {
            report.leaveOut("a row that names nobody", isFault: true, at: place("user principal name", display.excerpt))
            return
        }
        guard let user = name.id else {
            report.leaveOut("a sign-in name that no id can hold", isFault: true, at: place("user principal name", ""))
            return
        }
        let isConcealed = isConcealed(name, on: refresh)
        if isConcealed {
            concealed += 1
        } else if !display.isEmpty, display.lowercased() != "(unknown)", !SignInName.isDigest(display) {
            if display.fitsName {
                var fact = PBUserFact()
                fact.customerID = options.customerID
                fact.userID = user
                fact.displayName = display
                try sink.add(.user(fact), at: row.position)
            } else {
                report.leaveOut(
                    "a name that is longer than names may be", isFault: true,
                    at: place("display name", display.excerpt))
            }
        }
        for (code, columns) in Self.columns {
            guard let (column, day) = try lastDay(of: columns, in: row) else { continue }
            var fact = PBActivityFact()
            fact.customerID = options.customerID
            fact.userID = user
            fact.workloadCode = code
            fact.dates = [day]
            fact.concealed = isConcealed
            try sink.add(.activity(fact), at: row.position(column))
            report.add("activities", one: "activity")
        }
    }

    /// The later day of columns that mean the same workload.
    private func lastDay(of columns: [String], in row: ReportRow) throws -> (column: String, day: String)? {
        var last: (column: String, day: String)?
        for column in columns {
            guard let day = try row.day(column) else { continue }
            // Days as `YYYY-MM-DD` are in the order of their texts.
            if let before = last, before.day >= day { continue }
            last = (column, day)
        }
        return last
    }

    private func refreshDay(_ row: ReportRow) throws -> Day {
        let text = try row.requiredDay("report refresh date")
        do throws(FieldError) {
            return try FieldRules.day(text, notAfter: options.today, "report refresh date")
        } catch {
            throw PositionedProblem(row.position("report refresh date"), error.message)
        }
    }

    private mutating func isConcealed(_ name: SignInName, on day: Day) -> Bool {
        let report = ImportFindings.Report(file: file, day: day)
        if name.isDigest {
            names[report, default: Names()].hasDigests = true
        } else {
            names[report, default: Names()].hasShown = true
        }
        return name.isDigest && !known.openReports.contains(report)
    }
}
