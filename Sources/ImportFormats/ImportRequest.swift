import LicenseModel

/// The formats that can be imported.
public enum ImportKind: String, CaseIterable, Sendable {
    /// The vendor's public CSV of products and the service plans in them.
    case skuTable = "sku-table"
    /// JSON of Graph `subscribedSkus`: the catalog part.
    case graphSubscribedSkus = "graph-subscribed-skus"
    /// JSON of Graph `directory/subscriptions`: quantity, state, trial and seller of every subscription.
    case graphSubscriptions = "graph-subscriptions"
    /// JSON of Graph `users` with `assignedLicenses`: who holds what.
    case graphUsers = "graph-users"
    /// CSV of Graph `getOffice365ActiveUserDetail`: who last used what when.
    case graphActiveUsers = "graph-active-users"
    /// JSON of a customer's subscriptions in Partner Center: own sales.
    case partnerSubscriptions = "partner-subscriptions"
    /// Facts as JSON lines.
    case facts

    /// True when the format itself does not say whose the rows are.
    public var needsCustomer: Bool {
        switch self {
        case .graphSubscriptions, .graphUsers, .graphActiveUsers, .partnerSubscriptions: true
        case .skuTable, .graphSubscribedSkus, .facts: false
        }
    }
}

/// What the files do not say themselves.
public struct ImportOptions: Sendable {
    /// The customer that the rows belong to.
    public var customerID = ""
    /// The customer's tenant id, to refuse files of another customer and to tell direct purchases. Empty = unknown.
    public var customerTenant = ""
    /// The day of the download; nil = today.
    public var date: Day?
    /// Subscriptions count from the day of their creation, in the state that they have now: right for the first file.
    public var sinceCreation = false
    /// The people of a users file have held their licenses since this day: right for the first file, because a
    /// snapshot says nothing about the days before it.
    public var heldSince: Day?
    /// The selling partner of Partner Center subscriptions.
    public var partnerID = ""
    /// Partner ids by lower-cased tenant id.
    public var partnerTenants: [String: String] = [:]
    /// SKU ids by lower-cased offer id.
    public var offers: [String: String] = [:]
    /// Leave out subscriptions whose offer has no SKU, instead of refusing the file.
    public var skipUnmapped = false
    /// SKUs that get a snapshot even if nobody in the file holds them.
    public var extraSkuIDs: [String] = []
    /// Do not say that the source has reported.
    public var withoutCoverage = false
    /// Today in UTC.
    public var today: Day
    /// Changes the batch ids, to send again what has been sent before.
    public var salt = ""
    public var limits = ImportLimits()

    public init(today: Day) {
        self.today = today
    }

    var snapshotDay: Day { date ?? today }

    /// What is wrong with the options for a kind of file, or nil.
    public func complaint(for kind: ImportKind) -> String? {
        if kind.needsCustomer && customerID.isEmpty { return "\(kind.rawValue) needs --customer" }
        if kind == .partnerSubscriptions && partnerID.isEmpty {
            return "\(kind.rawValue) needs --partner, the partner who sold"
        }
        if let date, date > today { return "--date is after today (\(today))" }
        if let heldSince, heldSince > snapshotDay { return "--held-since is after \(snapshotDay)" }
        return nil
    }
}

/// What a file held.
public struct ImportReport: Sendable, Equatable {
    public var rows = 0
    /// Things counted, such as `facts` or `products`, in the order of their first mention.
    public private(set) var counts: [(name: String, one: String, count: Int)] = []
    /// Rows or fields of the input that became no fact, with the reason.
    public private(set) var leftOut: [(reason: String, count: Int)] = []
    /// What the reader of the figures should know.
    public private(set) var notes: [String] = []

    public init() {}

    /// - Parameter one: the name where it is a single one; nil when it is the same.
    mutating func add(_ name: String, one: String? = nil, _ count: Int = 1) {
        if let index = counts.firstIndex(where: { $0.name == name }) {
            counts[index].count += count
        } else {
            counts.append((name, one ?? name, count))
        }
    }

    mutating func leaveOut(_ reason: String, _ count: Int = 1) {
        if let index = leftOut.firstIndex(where: { $0.reason == reason }) {
            leftOut[index].count += count
        } else if leftOut.count < 100 {
            leftOut.append((reason, count))
        }
    }

    mutating func note(_ text: String) {
        if !notes.contains(text) && notes.count < 100 { notes.append(text) }
    }

    public static func == (left: ImportReport, right: ImportReport) -> Bool {
        left.rows == right.rows && left.notes == right.notes
            && left.counts.elementsEqual(right.counts, by: ==) && left.leftOut.elementsEqual(right.leftOut, by: ==)
    }
}

/// Reads the files of one import, one after the other, and then says what follows from all of them.
protocol FactImporter {
    var report: ImportReport { get }
    mutating func read(_ file: InputFile, into sink: inout FactSink) throws
    mutating func finish(into sink: inout FactSink) throws
}
