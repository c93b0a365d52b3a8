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
    /// CSV or JSON of Graph `getOffice365ActiveUserDetail`: who last used what when.
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
    /// Lower-cased tenant ids of indirect providers: as owners they do not tell who sold.
    public var providerTenants: Set<String> = []
    /// Partner ids by lower-cased partner number, as Partner Center's rows name the reseller of an indirect provider.
    public var partnerNumbers: [String: String] = [:]
    /// Which SKU an offer is.
    public var offers = OfferMap()
    /// Leave out subscriptions whose offer has no SKU, instead of refusing the file.
    public var skipUnmapped = false
    /// SKUs that get a snapshot even if nobody in the file holds them.
    public var extraSkuIDs: [String] = []
    /// How many licenses of people the directory itself counts, by lower-cased SKU id.
    public var consumedUnits: [String: Int64] = [:]
    /// Take a users file for the truth even if nearly everybody lost their licenses.
    public var acceptDrop = false
    /// SKU ids and part numbers, lower-cased, that are free beside those that `FreeSkuRules` knows.
    public var freeSkus: Set<String> = []
    /// Refuse what would be left out as a fault.
    public var strict = false
    /// Do not say that the source has reported, nor what is over because no file names it.
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
        if let tenant = providerTenants.sorted().first(where: { partnerTenants[$0] != nil }) {
            return "--partner-tenant and --provider-tenant both name \(tenant)"
        }
        if let date, date > today { return "--date is after today (\(today))" }
        if let heldSince, heldSince > snapshotDay { return "--held-since is after \(snapshotDay)" }
        return nil
    }
}

/// Reads the files of one import, one after the other, and then says what follows from all of them.
protocol FactImporter {
    var report: ImportReport { get }
    /// What was learned of the files as a whole; the same whatever an earlier reading had learned.
    var findings: ImportFindings { get }
    mutating func read(_ file: InputFile, into sink: inout FactSink) throws
    mutating func finish(into sink: inout FactSink) throws
}

extension FactImporter {
    var findings: ImportFindings { ImportFindings() }
}
