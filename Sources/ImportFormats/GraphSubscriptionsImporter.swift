import InsightsAPI

/// Graph `directory/subscriptions`: the one source that has quantity, state, trial flag and seller of every
/// subscription, whoever sold it. A complete list also tells what is over.
struct GraphSubscriptionsImporter: FactImporter {
    private let options: ImportOptions
    private let known: ImportFindings
    private var rows = SubscriptionRows()
    /// Own id of the first row, by commerce id.
    private var ownIDs: [String: String] = [:]
    private var pages = ListPages()
    private(set) var findings = ImportFindings()
    private(set) var report = ImportReport()

    init(options: ImportOptions, known: ImportFindings) {
        self.options = options
        self.known = known
    }

    static let states: [String: PBSubscriptionState] = [
        "enabled": .active, "warning": .grace, "suspended": .suspended, "lockedout": .deprovisioned,
        "deleted": .deprovisioned,
    ]

    /// What the vendor writes where there is no owner.
    private static let noTenant = "00000000-0000-0000-0000-000000000000"

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        let envelope = try JSONDocument.readList(
            file, as: .graphSubscriptions, limits: options.limits
        ) { object, locate in
            report.rows += 1
            let own = try object.string("id")?.lowercased()
            let fact = try subscription(object, own: own)
            let position = locate(object.offset)
            rows.list(fact.subscriptionID)
            let row = own ?? fact.subscriptionID
            guard try rows.isNew(fact, row: row, file: file.name, position: position) else { return }
            try sink.add(.subscription(fact), at: position)
            report.add("subscriptions", one: "subscription")
            report.add(sellerLabel(fact))
        }
        pages.add(envelope, of: file)
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        if !known.commerceIDKeepers.isEmpty {
            report.note(
                "\(known.commerceIDKeepers.count) commerce ids are shared by several subscriptions; each counts, and "
                    + "all but one go by their own id")
        }
        try rows.addSnapshots(ofSellers: [], into: &sink, options: options, report: &report)
        try sink.addCoverage(.subscriptions, through: options.snapshotDay, options: options)
    }

    /// The id in the commerce system is the one that Partner Center prints, so that both files meet. Where several
    /// subscriptions have the same one, that with the smallest own id keeps it.
    private mutating func subscriptionID(_ object: JSONObject, own: String?) throws -> String {
        guard let commerce = try object.string("commerceSubscriptionId")?.lowercased() else {
            return try object.requiredString("id").lowercased()
        }
        guard let own else { return commerce }
        if let other = ownIDs[commerce], other != own {
            let keeper = min(own, findings.commerceIDKeepers[commerce] ?? other)
            findings.commerceIDKeepers[commerce] = keeper
        } else {
            ownIDs[commerce] = own
        }
        guard let keeper = known.commerceIDKeepers[commerce] else { return commerce }
        return own == keeper ? commerce : own
    }

    private mutating func subscription(_ object: JSONObject, own: String?) throws -> PBSubscriptionFact {
        var fact = PBSubscriptionFact()
        fact.customerID = options.customerID
        fact.subscriptionID = try subscriptionID(object, own: own)
        fact.skuID = try object.requiredString("skuId").lowercased()
        let status = try object.requiredWord("status")
        guard let state = Self.states[status] else {
            throw JSONProblem(
                offset: object.offset("status"),
                message: "status \(try object.requiredString("status").excerpt) is unknown")
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

    /// The tenant that created the subscription: the customer itself bought directly, an indirect provider hides who
    /// sold. Without one, an explicit null of the reseller's order id says direct as well, and its absence says
    /// nothing.
    private func seller(_ object: JSONObject) throws -> PBSubscriptionFact.OneOf_Seller {
        guard let owner = try object.string("ownerTenantId")?.lowercased() else {
            let saysNoReseller = object.members["ocpSubscriptionId"].map(\.isNull) ?? false
            return .sellerKind(saysNoReseller ? .direct : .unknown)
        }
        if owner == Self.noTenant || options.providerTenants.contains(owner) { return .sellerKind(.unknown) }
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
