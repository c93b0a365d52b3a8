import LicenseModel

/// One page of a list as an API answered it: what the reader of the whole list asks next.
public struct AnswerPage: Sendable {
    /// The address of the page after it; nil on the last one.
    public var nextAddress: String?

    /// Throws `ImportProblem` for what is no page of such a list.
    public init(_ file: InputFile, as kind: ImportKind, limits: ImportLimits = ImportLimits()) throws {
        let envelope = try file.naming { try JSONDocument.readList(file, as: kind, limits: limits) { _, _ in } }
        self.init(envelope)
    }

    init(_ envelope: JSONDocument.Envelope) {
        nextAddress = envelope.nextLink == nil ? nil : envelope.nextAddress ?? ""
    }
}

/// A customer as the partner's own directory lists it.
public struct ListedCustomer: Sendable, Equatable {
    /// In lower case.
    public var tenantID: String
    /// Clean and no longer than names may be.
    public var name: String

    public init(tenantID: String, name: String) {
        self.tenantID = tenantID
        self.name = name
    }

    /// The customers of one page of Graph `contracts` (`customerId`) or `delegatedAdminCustomers` (`tenantId`). A row
    /// that names no tenant is left out; the first ten are told.
    public static func page(
        of file: InputFile, limits: ImportLimits = ImportLimits()
    ) throws -> (customers: [ListedCustomer], leftOut: [String], page: AnswerPage) {
        var customers: [ListedCustomer] = []
        var leftOut: [String] = []
        let envelope = try file.naming {
            try JSONDocument.readList(file, as: nil, limits: limits) { object, _ in
                let key = object.value("customerId") == nil ? "tenantId" : "customerId"
                let name = (try? object.string("displayName"))?.cleanedName ?? ""
                guard let tenant = (try? object.string(key))?.lowercased(), tenant.isGUID else {
                    if leftOut.count < LeftOut.maximumPlaces {
                        leftOut.append("a row without a tenant id (\(key)): \(name.excerpt)")
                    }
                    return
                }
                customers.append(ListedCustomer(tenantID: tenant, name: name.cutToName))
            }
        }
        return (customers, leftOut, AnswerPage(envelope))
    }
}

/// What a report says about itself.
public enum ReportDay {
    private struct Found: Error { var day: Day }

    /// The refresh day of the first row of an activity report; nil when it has no rows. Throws `ImportProblem` for what
    /// is no such report.
    public static func refreshDay(of file: InputFile, limits: ImportLimits = ImportLimits()) throws -> Day? {
        do {
            _ = try file.naming {
                try ReportTable.read(
                    file, as: .graphActiveUsers, required: ["report refresh date", "user principal name"],
                    anyOf: GraphActiveUsersImporter.columns.flatMap(\.names), limits: limits
                ) { row in
                    let text = try row.requiredDay("report refresh date")
                    guard let day = Day(text) else {
                        throw PositionedProblem(row.position("report refresh date"), "\(text.excerpt) is not a day")
                    }
                    throw Found(day: day)
                }
            }
            return nil
        } catch let found as Found {
            return found.day
        }
    }
}

extension InputFile {
    /// Gives a problem that knows only its place the name of the file.
    func naming<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let problem as PositionedProblem {
            throw ImportProblem(file: name, position: problem.position, message: problem.message)
        }
    }
}
