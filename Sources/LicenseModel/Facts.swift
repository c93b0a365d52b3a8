import Tenancy

/// Who sold a subscription.
public enum Seller: Sendable, Hashable {
    /// A partner, registered here or not.
    case partner(PartnerID)
    /// The vendor itself.
    case direct
    /// The source does not tell.
    case unknown
}

/// One validated fact. A later fact about the same thing replaces the earlier one; each case names its identity.
public enum Fact: Sendable, Hashable {
    /// Identity: partner.
    case partner(PartnerFact)
    /// Identity: customer.
    case customer(CustomerFact)
    /// Identity: partner, customer, start.
    case relationship(RelationshipFact)
    /// Identity: SKU.
    case sku(SkuFact)
    /// Identity: customer, subscription, effective day. The seller is the last one told, for every day.
    case subscription(SubscriptionFact)
    /// Identity: customer, day, seller.
    case subscriptionSnapshot(SubscriptionSnapshotFact)
    /// Identity: customer, user.
    case user(UserFact)
    /// Identity: customer, user, SKU, start.
    case assignment(AssignmentFact)
    /// Identity: customer, SKU, day, number of the part.
    case assignmentSnapshot(AssignmentSnapshotFact)
    /// Identity: customer, user, workload, day; days are added, never taken back.
    case activity(ActivityFact)
    /// Identity: customer, day, category.
    case supportRequest(SupportRequestFact)
    /// Identity: customer, source; of activity: workload.
    case coverage(CoverageFact)
}

public struct PartnerFact: Sendable, Hashable {
    public var partner: PartnerID
    public var name: String

    public init(partner: PartnerID, name: String) {
        self.partner = partner
        self.name = name
    }
}

public struct CustomerFact: Sendable, Hashable {
    public var customer: CustomerID
    public var name: String
    public var market: String

    public init(customer: CustomerID, name: String, market: String) {
        self.customer = customer
        self.name = name
        self.market = market
    }
}

/// The partner serves the customer in `days`; an empty interval takes the relationship of that start back.
public struct RelationshipFact: Sendable, Hashable {
    public var partner: PartnerID
    public var customer: CustomerID
    public var days: DayInterval

    public init(partner: PartnerID, customer: CustomerID, days: DayInterval) {
        self.partner = partner
        self.customer = customer
        self.days = days
    }
}

public struct SkuFact: Sendable, Hashable {
    public var sku: SkuID
    public var name: String
    /// Nil for a family that insights do not cover.
    public var product: Product?
    public var workloads: WorkloadSet
    /// Nobody's purchase: self-service, viral, exploratory.
    public var isFree: Bool

    public init(sku: SkuID, name: String, product: Product?, workloads: WorkloadSet, isFree: Bool = false) {
        self.sku = sku
        self.name = name
        self.product = product
        self.workloads = workloads
        self.isFree = isFree
    }
}

/// What a subscription is from `effective` until its next entry.
public struct SubscriptionFact: Sendable, Hashable {
    public var subscription: SubscriptionID
    public var customer: CustomerID
    public var sku: SkuID
    public var seller: Seller
    public var effective: Day
    /// Licenses, `0...FactLimits.maximumQuantity`.
    public var quantity: Int64
    public var state: SubscriptionState
    public var trial: Bool
    /// Last day of the term; nil = no end.
    public var termEnd: Day?
    public var autoRenew: Bool
    /// Nil = unknown.
    public var term: Term?

    public init(
        subscription: SubscriptionID, customer: CustomerID, sku: SkuID, seller: Seller, effective: Day,
        quantity: Int64, state: SubscriptionState, trial: Bool = false, termEnd: Day? = nil, autoRenew: Bool = false,
        term: Term? = nil
    ) {
        self.subscription = subscription
        self.customer = customer
        self.sku = sku
        self.seller = seller
        self.effective = effective
        self.quantity = quantity
        self.state = state
        self.trial = trial
        self.termEnd = termEnd
        self.autoRenew = autoRenew
        self.term = term
    }
}

/// On the day the source listed these subscriptions, and no others that the snapshot covers: of the seller, or (nil) of
/// every seller. One that it covers and does not name is deprovisioned from the day on, unless it has an entry on the
/// day, until a later entry. A subscription named twice counts once.
public struct SubscriptionSnapshotFact: Sendable, Hashable {
    public var customer: CustomerID
    public var day: Day
    public var subscriptions: [SubscriptionID]
    public var seller: PartnerID?

    public init(customer: CustomerID, day: Day, subscriptions: [SubscriptionID], seller: PartnerID? = nil) {
        self.customer = customer
        self.day = day
        self.subscriptions = subscriptions
        self.seller = seller
    }
}

/// The name and the ids of a person. Any of the ids means the person in every other fact.
public struct UserFact: Sendable, Hashable {
    public var customer: CustomerID
    /// The main id. If it is another person's alias, the fact is about that person.
    public var user: UserID
    public var displayName: String
    /// Sign-in name of today, an alias; nil = unknown.
    public var principalName: UserID?
    /// At most `FactLimits.maximumAliases`.
    public var aliases: [UserID]

    public init(
        customer: CustomerID, user: UserID, displayName: String, principalName: UserID? = nil, aliases: [UserID] = []
    ) {
        self.customer = customer
        self.user = user
        self.displayName = displayName
        self.principalName = principalName
        self.aliases = aliases
    }
}

/// The user holds a license in `days`. Without an end it lasts until the first snapshot of the customer and SKU, dated
/// on or after the start, that does not name the user. An empty interval takes the assignment of that start back.
public struct AssignmentFact: Sendable, Hashable {
    public var customer: CustomerID
    public var user: UserID
    public var sku: SkuID
    public var days: DayInterval

    public init(customer: CustomerID, user: UserID, sku: SkuID, days: DayInterval) {
        self.customer = customer
        self.user = user
        self.sku = sku
        self.days = days
    }
}

/// Everybody who holds the SKU on the day. A user named twice counts once.
public struct AssignmentSnapshotFact: Sendable, Hashable {
    public var customer: CustomerID
    public var sku: SkuID
    public var day: Day
    public var users: [UserID]
    /// Nil: the whole. Parts count from the batch on that completes them.
    public var part: SnapshotPart?

    public init(customer: CustomerID, sku: SkuID, day: Day, users: [UserID], part: SnapshotPart? = nil) {
        self.customer = customer
        self.sku = sku
        self.day = day
        self.users = users
        self.part = part
    }
}

/// Which part of a snapshot: `1 ≤ number ≤ count ≤ FactLimits.maximumSnapshotParts`.
public struct SnapshotPart: Sendable, Hashable {
    public var number: Int32
    public var count: Int32

    public init(number: Int32, of count: Int32) {
        self.number = number
        self.count = count
    }
}

/// The user did at least one task with the workload on each of the days (at least one day).
public struct ActivityFact: Sendable, Hashable {
    public var customer: CustomerID
    public var user: UserID
    public var workload: Workload
    public var days: [Day]
    /// The source names the person by a digest only. The same id concealed and named are two people.
    public var isConcealed: Bool

    public init(customer: CustomerID, user: UserID, workload: Workload, days: [Day], isConcealed: Bool = false) {
        self.customer = customer
        self.user = user
        self.workload = workload
        self.days = days
        self.isConcealed = isConcealed
    }
}

public struct SupportRequestFact: Sendable, Hashable {
    public var customer: CustomerID
    public var day: Day
    public var category: SupportCategory
    /// `0...FactLimits.maximumSupportRequests`.
    public var count: Int64

    public init(customer: CustomerID, day: Day, category: SupportCategory, count: Int64) {
        self.customer = customer
        self.day = day
        self.category = category
        self.count = count
    }
}

/// The source has reported for the customer through the day. Facts alone do not make coverage.
public struct CoverageFact: Sendable, Hashable {
    public var customer: CustomerID
    public var source: Source
    public var through: Day
    /// Of activity: what the source reports; empty = every workload. Of other sources always empty.
    public var workloads: WorkloadSet

    public init(customer: CustomerID, source: Source, through: Day, workloads: WorkloadSet = []) {
        self.customer = customer
        self.source = source
        self.through = through
        self.workloads = workloads
    }
}
