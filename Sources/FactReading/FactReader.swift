import InsightsAPI
import LicenseModel
import Tenancy

/// Turns a decoded batch into validated facts, or names the first bad field. The contract's one reading of a fact: what
/// an import refuses before it sends, the server would refuse in the same words.
public struct FactReader: Sendable {
    /// Activity and coverage of later days are refused.
    public let today: Day
    /// Facts in one batch.
    public let maximumFacts: Int

    public init(today: Day, maximumFacts: Int = FactLimits.defaultMaximumBatchFacts) {
        self.today = today
        self.maximumFacts = maximumFacts
    }

    public func read(_ request: PBIngestRequest) throws(BadField) -> FactBatch {
        let id: BatchID
        do {
            id = try FieldRules.id(request.batchID, "batch_id")
        } catch {
            throw BadField(factIndex: nil, field: error.field, reason: error.reason)
        }
        guard request.facts.count <= maximumFacts else {
            throw Self.tooMany(request.facts.count, limit: maximumFacts)
        }
        var facts: [Fact] = []
        facts.reserveCapacity(request.facts.count)
        for (index, message) in request.facts.enumerated() {
            do {
                facts.append(try fact(message))
            } catch {
                throw BadField(factIndex: index, error)
            }
        }
        return FactBatch(id: id, facts: facts)
    }

    public static func tooMany(_ count: Int, limit: Int) -> BadField {
        BadField(
            factIndex: nil, field: "facts", reason: "has \(count) entries: at most \(limit) fit in a batch",
            exceededFacts: limit)
    }

    /// Paths in errors are relative to the fact.
    public func fact(_ message: PBFact) throws(FieldError) -> Fact {
        switch message.fact {
        case .partner(let fact): .partner(try partner(fact))
        case .customer(let fact): .customer(try customer(fact))
        case .relationship(let fact): .relationship(try relationship(fact))
        case .sku(let fact): .sku(try sku(fact))
        case .subscription(let fact): .subscription(try subscription(fact))
        case .subscriptionSnapshot(let fact): .subscriptionSnapshot(try snapshot(fact))
        case .user(let fact): .user(try user(fact))
        case .assignment(let fact): .assignment(try assignment(fact))
        case .assignmentSnapshot(let fact): .assignmentSnapshot(try snapshot(fact))
        case .activity(let fact): .activity(try activity(fact))
        case .supportRequest(let fact): .supportRequest(try supportRequest(fact))
        case .coverage(let fact): .coverage(try coverage(fact))
        case nil: throw FieldError("fact", "is required: one of partner, customer, relationship, sku, …")
        }
    }

    private func partner(_ fact: PBPartnerFact) throws(FieldError) -> PartnerFact {
        PartnerFact(
            partner: try FieldRules.id(fact.partnerID, "partner.partner_id"),
            name: try FieldRules.name(fact.name, "partner.name"))
    }

    private func customer(_ fact: PBCustomerFact) throws(FieldError) -> CustomerFact {
        CustomerFact(
            customer: try FieldRules.id(fact.customerID, "customer.customer_id"),
            name: try FieldRules.name(fact.name, "customer.name"),
            market: try FieldRules.name(fact.market, "customer.market"))
    }

    private func relationship(_ fact: PBRelationshipFact) throws(FieldError) -> RelationshipFact {
        RelationshipFact(
            partner: try FieldRules.id(fact.partnerID, "relationship.partner_id"),
            customer: try FieldRules.id(fact.customerID, "relationship.customer_id"),
            days: try FieldRules.interval(
                start: fact.startDate, "relationship.start_date", end: fact.endDate, "relationship.end_date"))
    }

    private func sku(_ fact: PBSkuFact) throws(FieldError) -> SkuFact {
        let sku: SkuID = try FieldRules.id(fact.skuID, "sku.sku_id")
        let name = try FieldRules.name(fact.name, "sku.name")
        let product: Product?
        switch fact.product {
        case .unspecified: product = nil
        case .office365: product = .office365
        case .dynamics365: product = .dynamics365
        case .UNRECOGNIZED(let number): throw FieldError("sku.product", "has no value \(number)")
        }
        let workloads = try workloads(fact.workloadCodes, "sku.workload_codes")
        return SkuFact(sku: sku, name: name, product: product, workloads: workloads, isFree: fact.free)
    }

    private func workloads(_ codes: [String], _ field: String) throws(FieldError) -> WorkloadSet {
        var workloads: WorkloadSet = []
        for (index, code) in codes.enumerated() {
            workloads.formUnion(WorkloadSet([try FieldRules.workload(code, "\(field)[\(index)]")]))
        }
        return workloads
    }

    private func subscription(_ fact: PBSubscriptionFact) throws(FieldError) -> SubscriptionFact {
        SubscriptionFact(
            subscription: try FieldRules.id(fact.subscriptionID, "subscription.subscription_id"),
            customer: try FieldRules.id(fact.customerID, "subscription.customer_id"),
            sku: try FieldRules.id(fact.skuID, "subscription.sku_id"),
            seller: try seller(fact.seller),
            effective: try FieldRules.day(fact.effectiveDate, "subscription.effective_date"),
            quantity: try FieldRules.count(fact.quantity, upTo: FactLimits.maximumQuantity, "subscription.quantity"),
            state: try state(fact.state),
            trial: fact.trial,
            termEnd: try FieldRules.optionalDay(fact.termEnd, "subscription.term_end"),
            autoRenew: fact.autoRenew,
            term: try FieldRules.term(fact.term, "subscription.term"))
    }

    private func snapshot(_ fact: PBSubscriptionSnapshotFact) throws(FieldError) -> SubscriptionSnapshotFact {
        let customer: CustomerID = try FieldRules.id(fact.customerID, "subscription_snapshot.customer_id")
        let day = try FieldRules.day(fact.date, "subscription_snapshot.date")
        let subscriptions: [SubscriptionID] = try ids(fact.subscriptionIds, "subscription_snapshot.subscription_ids")
        return SubscriptionSnapshotFact(
            customer: customer, day: day, subscriptions: subscriptions,
            seller: try FieldRules.optionalID(fact.sellerPartnerID, "subscription_snapshot.seller_partner_id"))
    }

    private func ids<Tag>(_ texts: [String], _ field: String) throws(FieldError) -> [Identifier<Tag>] {
        var ids: [Identifier<Tag>] = []
        ids.reserveCapacity(texts.count)
        for (index, text) in texts.enumerated() { ids.append(try FieldRules.id(text, "\(field)[\(index)]")) }
        return ids
    }

    private func seller(_ seller: PBSubscriptionFact.OneOf_Seller?) throws(FieldError) -> Seller {
        switch seller {
        case nil: .unknown
        case .sellerPartnerID(let text): .partner(try FieldRules.id(text, "subscription.seller_partner_id"))
        case .sellerKind(.unspecified), .sellerKind(.unknown): .unknown
        case .sellerKind(.direct): .direct
        case .sellerKind(.UNRECOGNIZED(let number)):
            throw FieldError("subscription.seller_kind", "has no value \(number)")
        }
    }

    private func state(_ state: PBSubscriptionState) throws(FieldError) -> SubscriptionState {
        switch state {
        case .active: .active
        case .grace: .grace
        case .suspended: .suspended
        case .deprovisioned: .deprovisioned
        case .unspecified: throw FieldError("subscription.state", "is required")
        case .UNRECOGNIZED(let number): throw FieldError("subscription.state", "has no value \(number)")
        }
    }

    private func user(_ fact: PBUserFact) throws(FieldError) -> UserFact {
        let customer: CustomerID = try FieldRules.id(fact.customerID, "user.customer_id")
        let user: UserID = try FieldRules.id(fact.userID, "user.user_id")
        let name = try FieldRules.name(fact.displayName, "user.display_name")
        let principalName: UserID? = try FieldRules.optionalID(fact.principalName, "user.principal_name")
        if fact.aliases.count > FactLimits.maximumAliases {
            throw FieldError(
                "user.aliases", "has \(fact.aliases.count) ids: at most \(FactLimits.maximumAliases) fit in a fact")
        }
        return UserFact(
            customer: customer, user: user, displayName: name, principalName: principalName,
            aliases: try ids(fact.aliases, "user.aliases"))
    }

    private func assignment(_ fact: PBAssignmentFact) throws(FieldError) -> AssignmentFact {
        AssignmentFact(
            customer: try FieldRules.id(fact.customerID, "assignment.customer_id"),
            user: try FieldRules.id(fact.userID, "assignment.user_id"),
            sku: try FieldRules.id(fact.skuID, "assignment.sku_id"),
            days: try FieldRules.interval(
                start: fact.startDate, "assignment.start_date", end: fact.endDate, "assignment.end_date"))
    }

    private func snapshot(_ fact: PBAssignmentSnapshotFact) throws(FieldError) -> AssignmentSnapshotFact {
        let customer: CustomerID = try FieldRules.id(fact.customerID, "assignment_snapshot.customer_id")
        let sku: SkuID = try FieldRules.id(fact.skuID, "assignment_snapshot.sku_id")
        let day = try FieldRules.day(fact.date, "assignment_snapshot.date")
        let users: [UserID] = try ids(fact.userIds, "assignment_snapshot.user_ids")
        return AssignmentSnapshotFact(
            customer: customer, sku: sku, day: day, users: users,
            part: try FieldRules.part(
                fact.part, of: fact.parts, "assignment_snapshot.part", "assignment_snapshot.parts"))
    }

    private func activity(_ fact: PBActivityFact) throws(FieldError) -> ActivityFact {
        let customer: CustomerID = try FieldRules.id(fact.customerID, "activity.customer_id")
        let user: UserID = try FieldRules.id(fact.userID, "activity.user_id")
        let workload = try FieldRules.workload(fact.workloadCode, "activity.workload_code")
        if fact.dates.isEmpty { throw FieldError("activity.dates", "needs at least one day") }
        if fact.dates.count > FactLimits.maximumActivityDays {
            throw FieldError(
                "activity.dates",
                "has \(fact.dates.count) days: at most \(FactLimits.maximumActivityDays) fit in a fact")
        }
        var days: [Day] = []
        days.reserveCapacity(fact.dates.count)
        for (index, date) in fact.dates.enumerated() {
            days.append(try FieldRules.day(date, notAfter: today, "activity.dates[\(index)]"))
        }
        return ActivityFact(
            customer: customer, user: user, workload: workload, days: days, isConcealed: fact.concealed)
    }

    private func supportRequest(_ fact: PBSupportRequestFact) throws(FieldError) -> SupportRequestFact {
        let customer: CustomerID = try FieldRules.id(fact.customerID, "support_request.customer_id")
        let day = try FieldRules.day(fact.date, "support_request.date")
        let category: SupportCategory
        switch fact.category {
        case .howTo: category = .howTo
        case .other: category = .other
        case .unspecified: throw FieldError("support_request.category", "is required")
        case .UNRECOGNIZED(let number): throw FieldError("support_request.category", "has no value \(number)")
        }
        let count = try FieldRules.count(
            fact.count, upTo: FactLimits.maximumSupportRequests, "support_request.count")
        return SupportRequestFact(customer: customer, day: day, category: category, count: count)
    }

    private func coverage(_ fact: PBCoverageFact) throws(FieldError) -> CoverageFact {
        let customer: CustomerID = try FieldRules.id(fact.customerID, "coverage.customer_id")
        let source: Source
        switch fact.source {
        case .subscriptions: source = .subscriptions
        case .assignments: source = .assignments
        case .activity: source = .activity
        case .unspecified: throw FieldError("coverage.source", "is required")
        case .UNRECOGNIZED(let number): throw FieldError("coverage.source", "has no value \(number)")
        }
        let through = try FieldRules.day(fact.through, notAfter: today, "coverage.through")
        if source != .activity, !fact.workloadCodes.isEmpty {
            throw FieldError("coverage.workload_codes", "is for SOURCE_ACTIVITY alone")
        }
        return CoverageFact(
            customer: customer, source: source, through: through,
            workloads: try workloads(fact.workloadCodes, "coverage.workload_codes"))
    }
}
