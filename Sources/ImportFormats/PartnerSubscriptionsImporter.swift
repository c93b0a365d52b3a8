import InsightsAPI

/// Partner Center's subscriptions of a customer: what one partner sold.
struct PartnerSubscriptionsImporter: FactImporter {
    private let options: ImportOptions
    private var pages = ListPages()
    private(set) var report = ImportReport()

    init(options: ImportOptions) { self.options = options }

    static let states: [String: PBSubscriptionState] = [
        "active": .active, "suspended": .suspended, "disabled": .suspended, "deleted": .deprovisioned,
        "expired": .deprovisioned,
    ]

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        let envelope = try JSONDocument.readList(
            file, as: .partnerSubscriptions, limits: options.limits
        ) { object, locate in
            report.rows += 1
            try checkCustomer(object)
            guard let fact = try subscription(object) else { return }
            try sink.add(.subscription(fact), at: locate(object.offset))
            report.add(
                "subscriptions sold by \(options.partnerID)", one: "subscription sold by \(options.partnerID)")
        }
        pages.add(envelope, of: file)
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        report.note(
            "these are the sales of \(options.partnerID) alone: totals over all sellers need graph-subscriptions")
        try sink.addCoverage(.subscriptions, through: options.snapshotDay, options: options)
    }

    /// The body has no customer id, only a link `/customers/{id}/subscriptions/{id}`.
    private mutating func checkCustomer(_ object: JSONObject) throws {
        guard let link = try object.object("links")?.object("self"), let uri = try link.string("uri") else {
            report.note("rows without links.self.uri: it was not checked whose they are")
            return
        }
        let parts = uri.lowercased().split(separator: "/")
        guard let index = parts.firstIndex(of: "customers"), index + 1 < parts.count else {
            throw JSONProblem(offset: link.offset("uri"), message: "uri \(uri.excerpt) names no customer")
        }
        let customer = String(parts[index + 1])
        guard customer == options.customerTenant || customer == options.customerID.lowercased() else {
            if options.customerTenant.isEmpty {
                report.note("without --customer-tenant it was not checked whose file this is")
                return
            }
            throw JSONProblem(
                offset: link.offset("uri"),
                message: "the row belongs to customer \(customer.excerpt), not to \(options.customerTenant)")
        }
    }

    private mutating func subscription(_ object: JSONObject) throws -> PBSubscriptionFact? {
        if try object.string("billingType")?.lowercased() == "usage" {
            report.leaveOut("billed by usage: no seats")
            return nil
        }
        let status = try object.requiredString("status")
        if ["pending", "none"].contains(status.lowercased()) {
            report.leaveOut("status \(status.lowercased()): not provisioned")
            return nil
        }
        guard let state = Self.states[status.lowercased()] else {
            throw JSONProblem(offset: object.offset("status"), message: "status \(status.excerpt) is unknown")
        }
        guard let sku = try sku(object) else { return nil }
        guard let quantity = try object.count("quantity") else {
            throw JSONProblem(offset: object.offset, message: "quantity is missing")
        }
        var fact = PBSubscriptionFact()
        fact.subscriptionID = try object.requiredString("id").lowercased()
        fact.customerID = options.customerID
        fact.skuID = sku
        fact.seller = .sellerPartnerID(options.partnerID)
        fact.state = state
        fact.quantity = quantity
        fact.trial = try object.bool("isTrial") ?? false
        fact.autoRenew = try object.bool("autoRenewEnabled") ?? false
        fact.termEnd = try object.day("commitmentEndDate")?.description ?? ""
        let created = try object.day("creationDate") ?? object.day("effectiveStartDate")
        fact.effectiveDate = SubscriptionTiming(options: options).effectiveDay(created: created).description
        return fact
    }

    /// An offer is no SKU: the map decides, else a product id that is one.
    private mutating func sku(_ object: JSONObject) throws -> String? {
        let offer = try object.string("offerId")?.lowercased()
        if let offer, let sku = options.offers[offer] { return sku }
        if let product = try object.string("productId")?.lowercased(), product.isGUID { return product }
        guard options.skipUnmapped else {
            throw JSONProblem(
                offset: object.offset("offerId"),
                message: "offer \((offer ?? "").excerpt) has no SKU; name it in --offer-map or use --skip-unmapped")
        }
        report.leaveOut("offer \(offer ?? "without id") has no SKU")
        return nil
    }
}
