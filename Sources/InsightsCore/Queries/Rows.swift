import LicenseModel
import Tenancy

/// One SKU, own and all partners side by side.
public struct SkuRow: Sendable, Hashable {
    public var sku: SkuID
    public var name: String
    public var product: Product
    public var own: LicenseRow
    public var all: LicenseRow
    /// Sold, by kind of seller; own + direct + other partners + unknown = all.
    public var directSold: Int64
    public var otherPartnersSold: Int64
    public var unknownSold: Int64

    public init(
        sku: SkuID, name: String, product: Product, own: LicenseRow, all: LicenseRow,
        directSold: Int64, otherPartnersSold: Int64, unknownSold: Int64
    ) {
        self.sku = sku
        self.name = name
        self.product = product
        self.own = own
        self.all = all
        self.directSold = directSold
        self.otherPartnersSold = otherPartnersSold
        self.unknownSold = unknownSold
    }
}

public struct WorkloadRow: Sendable, Hashable {
    public var workload: Workload
    public var usage: UsageRow

    public init(workload: Workload, usage: UsageRow) {
        self.workload = workload
        self.usage = usage
    }
}

/// One product: sums, SKUs by id and workloads by code. Rows of nothing but zeros are left out.
public struct ProductRow: Sendable, Hashable {
    public var product: Product
    public var own: LicenseRow
    public var all: LicenseRow
    public var usage: UsageRow
    public var skus: [SkuRow]
    public var workloads: [WorkloadRow]

    public init(
        product: Product, own: LicenseRow, all: LicenseRow, usage: UsageRow, skus: [SkuRow], workloads: [WorkloadRow]
    ) {
        self.product = product
        self.own = own
        self.all = all
        self.usage = usage
        self.skus = skus
        self.workloads = workloads
    }
}

/// The last day each source has reported, activity workload by workload; nil = not reported.
public struct CoverageRow: Sendable, Hashable {
    public var subscriptions: Day?
    public var assignments: Day?
    /// By raw value of the workload; −1 = not reported, as every lane without a workload.
    private var workloads = SIMD8<Int32>(repeating: -1)

    /// - Parameter activity: in every workload.
    public init(subscriptions: Day? = nil, assignments: Day? = nil, activity: Day? = nil) {
        self.subscriptions = subscriptions
        self.assignments = assignments
        if let activity { report(activity, in: .all) }
    }

    /// That of the best workload.
    public var activity: Day? {
        let best = workloads.max()
        return best < 0 ? nil : Day(number: best)
    }

    public subscript(workload: Workload) -> Day? {
        let day = workloads[Int(workload.rawValue)]
        return day < 0 ? nil : Day(number: day)
    }

    /// Activity is reported through the day in these workloads; in others nothing changes.
    public mutating func report(_ through: Day, in reported: WorkloadSet) {
        for workload in Workload.allCases where reported.contains(workload) {
            workloads[Int(workload.rawValue)] = through.number
        }
    }

    /// The workloads in which activity is reported.
    var reportedWorkloads: WorkloadSet {
        var bits: UInt8 = 0
        for place in 0..<Workload.count where workloads[place] >= 0 { bits |= 1 << UInt8(place) }
        return WorkloadSet(rawValue: bits)
    }
}

/// A customer visible today.
public struct CustomerRow: Sendable, Hashable {
    public var customer: CustomerID
    public var name: String
    public var market: String
    /// First day of the relationship that covers today; of two, the earlier start.
    public var since: Day
    public var coverage: CoverageRow

    public init(customer: CustomerID, name: String, market: String, since: Day, coverage: CoverageRow) {
        self.customer = customer
        self.name = name
        self.market = market
        self.since = since
        self.coverage = coverage
    }
}

/// Licenses of SKUs that no SKU fact names: in no figure. Those of which none is sold are left out.
public struct UncataloguedSkus: Sendable, Hashable {
    public struct Sku: Sendable, Hashable {
        public var sku: SkuID
        /// In the reach asked; never 0.
        public var sold: Int64
    }

    /// How many are told.
    public static let maximum = 100
    /// The first `maximum`, by id.
    public private(set) var skus: [Sku] = []
    /// All of them.
    public private(set) var count = 0

    public init() {}

    /// Adds the next by id.
    public mutating func add(_ sold: Int64, of sku: () -> SkuID) {
        if sold == 0 { return }
        count += 1
        if skus.count < Self.maximum { skus.append(Sku(sku: sku(), sold: sold)) }
    }
}

/// The figures of one customer on one day.
public struct CustomerInsightsRow: Sendable, Hashable {
    public var customer: CustomerRow
    public var asOf: Day
    /// The asked products, in the order of the enum.
    public var products: [ProductRow]
    /// In the scope's reach, whatever products are asked.
    public var uncatalogued: UncataloguedSkus

    public init(customer: CustomerRow, asOf: Day, products: [ProductRow], uncatalogued: UncataloguedSkus) {
        self.customer = customer
        self.asOf = asOf
        self.products = products
        self.uncatalogued = uncatalogued
    }
}

/// Sums over the customers visible on one day and today.
public struct PortfolioInsightsRow: Sendable, Hashable {
    public var asOf: Day
    public var customerCount: Int64
    /// By coverage of activity; the three add up to `customerCount`.
    public var reportedCustomers: Int64
    public var laggingCustomers: Int64
    public var unreportedCustomers: Int64
    public var products: [ProductRow]
    /// In the scope's reach, whatever products are asked.
    public var uncatalogued: UncataloguedSkus

    public init(
        asOf: Day, customerCount: Int64, reportedCustomers: Int64, laggingCustomers: Int64,
        unreportedCustomers: Int64, products: [ProductRow], uncatalogued: UncataloguedSkus
    ) {
        self.asOf = asOf
        self.customerCount = customerCount
        self.reportedCustomers = reportedCustomers
        self.laggingCustomers = laggingCustomers
        self.unreportedCustomers = unreportedCustomers
        self.products = products
        self.uncatalogued = uncatalogued
    }
}

/// One product on one day of a trend.
public struct TrendRow: Sendable, Hashable {
    public var day: Day
    public var product: Product
    public var own: LicenseRow
    public var all: LicenseRow
    public var usage: UsageRow

    public init(day: Day, product: Product, own: LicenseRow, all: LicenseRow, usage: UsageRow) {
        self.day = day
        self.product = product
        self.own = own
        self.all = all
        self.usage = usage
    }
}

/// Every active user in exactly one class.
public struct UsageClasses: Sendable, Hashable {
    public var entitled: Int64 = 0
    public var uncountedSubscription: Int64 = 0
    public var trial: Int64 = 0
    public var overAssigned: Int64 = 0
    public var turnover: Int64 = 0
    public var unlicensed: Int64 = 0
    public var free: Int64 = 0
    public var unidentified: Int64 = 0

    public init() {}

    public var sum: Int64 {
        entitled + uncountedSubscription + trial + overAssigned + turnover + unlicensed + free + unidentified
    }
}

/// What usage is explained for.
public enum UsageSubject: Sendable, Hashable {
    case product(Product)
    case workload(Workload)
}

public struct ExplanationRow: Sendable, Hashable {
    public var asOf: Day
    public var usage: UsageRow
    /// Of the customers that report all three sources for the subject.
    public var classes: UsageClasses

    /// Active users of customers whose licenses are not reported; with the classes they add up to `usage.active`.
    public var unclassified: Int64 { usage.active &- usage.ratioActive }

    public init(asOf: Day, usage: UsageRow, classes: UsageClasses) {
        self.asOf = asOf
        self.usage = usage
        self.classes = classes
    }
}

/// The state of an own subscription on the day asked.
public struct SubscriptionRow: Sendable, Hashable {
    public var fact: SubscriptionFact
    public var skuName: String

    public init(fact: SubscriptionFact, skuName: String) {
        self.fact = fact
        self.skuName = skuName
    }
}

public struct LicensedUserRow: Sendable, Hashable {
    /// The main id.
    public var user: UserID
    /// Sign-in name of today; nil when none is known.
    public var principalName: UserID?
    /// Empty when no name is known.
    public var displayName: String
    /// Held on the day asked, by id.
    public var skus: [SkuID]
    /// Last active day on or before the day asked, by workload code; workloads never used are left out.
    public var lastActive: [(workload: Workload, day: Day)] {
        get { zip(workloads, days).map { ($0, $1) } }
    }
    public var workloads: [Workload]
    public var days: [Day]

    public init(
        user: UserID, principalName: UserID? = nil, displayName: String, skus: [SkuID], workloads: [Workload],
        days: [Day]
    ) {
        self.user = user
        self.principalName = principalName
        self.displayName = displayName
        self.skus = skus
        self.workloads = workloads
        self.days = days
    }
}

/// Which licensed users to list.
public enum ActivityFilter: Sendable, Hashable {
    case any
    case active
    case inactive
}

/// The kind of a piece of advice. Raw values are those of `partner.insights.v1.RecommendationKind`.
public enum RecommendationKind: UInt8, CaseIterable, Sendable, Hashable {
    case showTheValue = 1
    case offerTraining = 2
    case convertTrial = 3
    case reclaimLicenses = 4
    case licenseTheUsers = 5
    case resolveSubscription = 6
}

/// One figure that triggered a piece of advice.
public struct EvidenceRow: Sendable, Hashable {
    public enum Value: Sendable, Hashable {
        case count(Int64)
        /// Unrounded; 100 is everything.
        case percent(Double)
        case workload(Workload)
        case sku(SkuID)
        case subscription(SubscriptionID)
        case day(Day)
        case term(Term)
        case flag(Bool)
    }

    /// A stable name: `total_users`, `active_users`, `usage_percent`, `sold`, `assigned`, `deployment_percent`,
    /// `how_to_requests`, `workload_code`, `trial_users`, `unlicensed_users`, `uncounted_subscription_users`, `sku_id`,
    /// `unassigned`, `subscription_id`, `term_end`, `term`, `auto_renew`.
    public var name: String
    public var value: Value

    public init(name: String, value: Value) {
        self.name = name
        self.value = value
    }
}

/// Advice for one customer, without prose.
public struct RecommendationRow: Sendable, Hashable {
    public var kind: RecommendationKind
    public var customer: CustomerID
    /// Nil for advice about all covered products.
    public var product: Product?
    /// In the order of workloads or SKUs, groups beginning with `workload_code` or `sku_id`.
    public var evidence: [EvidenceRow]

    public init(kind: RecommendationKind, customer: CustomerID, product: Product?, evidence: [EvidenceRow]) {
        self.kind = kind
        self.customer = customer
        self.product = product
        self.evidence = evidence
    }
}

/// When advice is given. All counts are over the window.
public struct AdviceThresholds: Sendable, Hashable {
    /// `SHOW_THE_VALUE` needs at least so many total users…
    public var minimumTotalUsers: Int64 = 5
    /// …and usage below so many percent,
    public var lowUsagePercent: Int64 = 40
    /// or at least so many sold licenses…
    public var minimumSold: Int64 = 5
    /// …and deployment below so many percent.
    public var lowDeploymentPercent: Int64 = 60
    /// `OFFER_TRAINING` needs at least so many how-to requests…
    public var minimumHowToRequests: Int64 = 5
    /// …and so many per 100 total users.
    public var howToRequestsPer100Users: Int64 = 10
    /// `RECLAIM_LICENSES`: the term ends within so many days…
    public var termEndDays: Int = 30
    /// …or, where it is a month and renews by itself, within so many.
    public var monthlyRenewalDays: Int = 7

    public init() {}
}
