import InsightsAPI

/// Graph `directory/subscriptions`: the one source that has quantity, state, trial flag and seller of every
/// subscription, whoever sold it.
struct GraphSubscriptionsImporter: FactImporter {
    private let options: ImportOptions
    private var skuOfSubscription: [String: String] = [:]
    private var pages = ListPages()
    private(set) var report = ImportReport()

    init(options: ImportOptions) { self.options = options }

    static let states: [String: PBSubscriptionState] = [
        "enabled": .active, "warning": .grace, "suspended": .suspended, "lockedout": .deprovisioned,
        "deleted": .deprovisioned,
    ]

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        let envelope = try JSONDocument.readList(
            file, as: .graphSubscriptions, limits: options.limits
        ) { object, locate in
            report.rows += 1
            let fact = try subscription(object)
            try sink.add(.subscription(fact), at: locate(object.offset))
            report.add("subscriptions", one: "subscription")
            report.add(sellerLabel(fact))
        }
        pages.add(envelope, of: file)
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        try sink.addCoverage(.subscriptions, through: options.snapshotDay, options: options)
    }

    private mutating func subscription(_ object: JSONObject) throws -> PBSubscriptionFact {
        var fact = PBSubscriptionFact()
        fact.customerID = options.customerID
        // The id in the commerce system is the one that Partner Center prints, so that both files meet.
        let key = try object.string("commerceSubscriptionId") != nil ? "commerceSubscriptionId" : "id"
        fact.subscriptionID = try object.requiredString(key).lowercased()
        fact.skuID = try object.requiredString("skuId").lowercased()
        if let other = skuOfSubscription.updateValue(fact.skuID, forKey: fact.subscriptionID), other != fact.skuID {
            throw JSONProblem(
                offset: object.offset(key), message: "subscription \(fact.subscriptionID.excerpt) has two SKUs")
        }
        let status = try object.requiredString("status")
        guard let state = Self.states[status.lowercased()] else {
            throw JSONProblem(offset: object.offset("status"), message: "status \(status.excerpt) is unknown")
        }
        fact.state = state
        guard let quantity = try object.count("totalLicenses") else {
            throw JSONProblem(offset: object.offset, message: "totalLicenses is missing")
        }
        fact.quantity = quantity
        fact.trial = try object.bool("isTrial") ?? false
        fact.termEnd = try object.day("nextLifecycleDateTime")?.description ?? ""
        let created = try object.day("createdDateTime")
        fact.effectiveDate = SubscriptionTiming(options: options).effectiveDay(created: created).description
        fact.seller = try seller(object)
        return fact
    }

    /// The tenant that created the subscription: the customer itself bought directly; without one, an explicit null of
    /// the reseller's order id says direct as well, and its absence says nothing.
    private func seller(_ object: JSONObject) throws -> PBSubscriptionFact.OneOf_Seller {
        guard let owner = try object.string("ownerTenantId")?.lowercased() else {
            let saysNoReseller = object.members["ocpSubscriptionId"].map(\.isNull) ?? false
            return .sellerKind(saysNoReseller ? .direct : .unknown)
        }
        if owner == options.customerTenant { return .sellerKind(.direct) }
        return .sellerPartnerID(options.partnerTenants[owner] ?? owner)
    }

    private func sellerLabel(_ fact: PBSubscriptionFact) -> String {
        switch fact.seller {
        case .sellerPartnerID(let id): "sold by \(id)"
        case .sellerKind(.direct): "bought directly"
        default: "of an unknown seller"
        }
    }
}
