import InsightsAPI
import LicenseModel

/// Partner Center's subscriptions of a customer: what one partner sold, or the resellers of an indirect provider.
struct PartnerSubscriptionsImporter: FactImporter {
    private let options: ImportOptions
    private var rows = SubscriptionRows()
    /// Rows by partner number that no option maps.
    private var unmapped: [String: Int] = [:]
    private var pages = ListPages()
    private(set) var report = ImportReport()

    init(options: ImportOptions) { self.options = options }

    static let states: [String: PBSubscriptionState] = [
        "active": .active, "suspended": .suspended, "disabled": .suspended, "deleted": .deprovisioned,
    ]

    /// Days after the end of its commitment on which people still work with an expired subscription.
    static let graceDays = 30

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        let envelope = try JSONDocument.readList(
            file, as: .partnerSubscriptions, limits: options.limits
        ) { object, locate in
            report.rows += 1
            try checkCustomer(object)
            if let id = try object.string("id") { rows.list(id.lowercased()) }
            let place = { (key: String, text: String) in
                LeftOut.Place(file: file.name, position: locate(object.offset(key)), text: text)
            }
            let entries = try subscription(object, place: place)
            guard let fact = entries.first else { return }
            let position = locate(object.offset)
            guard try rows.isNew(fact, row: fact.subscriptionID, file: file.name, position: position) else { return }
            for entry in entries { try sink.add(.subscription(entry), at: position) }
            switch fact.seller {
            case .sellerPartnerID(let id): report.add("subscriptions sold by \(id)", one: "subscription sold by \(id)")
            default: report.add("subscriptions of an unknown seller", one: "subscription of an unknown seller")
            }
        }
        pages.add(envelope, of: file)
    }

    mutating func finish(into sink: inout FactSink) throws {
        try pages.checkComplete()
        for (number, count) in unmapped.sorted(by: { $0.key < $1.key }) {
            report.note(
                "partnerId \(number.excerpt) of \(count == 1 ? "1 row" : "\(count) rows") is not mapped, so that the "
                    + "seller is unknown; say who it is with --partner-mpn \(number.isPlain ? number : "ID")=PARTNER",
                isOfFiles: true)
        }
        report.note(
            "these are the sales of \(options.partnerID) alone: totals over all sellers need graph-subscriptions",
            isOfFiles: true)
        let sellers = Set(options.partnerNumbers.values).union([options.partnerID])
        try rows.addSnapshots(ofSellers: sellers, into: &sink, options: options, report: &report)
        try sink.addCoverage(.subscriptions, through: options.snapshotDay, options: options)
    }

    /// The body has no customer id, only a link `/customers/{id}/subscriptions/{id}`.
    private mutating func checkCustomer(_ object: JSONObject) throws {
        guard let link = try object.object("links")?.object("self"), let uri = try link.string("uri") else {
            report.note("rows without links.self.uri: it was not checked whose they are", isOfFiles: true)
            return
        }
        let parts = uri.lowercased().split(separator: "/")
        guard let index = parts.firstIndex(of: "customers"), index + 1 < parts.count else {
            throw JSONProblem(offset: link.offset("uri"), message: "uri \(uri.excerpt) names no customer")
        }
        let customer = String(parts[index + 1])
        guard customer == options.customerTenant || customer == options.customerID.lowercased() else {
            if options.customerTenant.isEmpty {
                report.note("without --customer-tenant it was not checked whose file this is", isOfFiles: true)
                return
            }
            throw JSONProblem(
                offset: link.offset("uri"),
                message: "the row belongs to customer \(customer.excerpt), not to \(options.customerTenant)")
        }
    }

    /// The dated entries of a row; none for what is no subscription with seats.
    private mutating func subscription(
        _ object: JSONObject, place: (String, String) -> LeftOut.Place
    ) throws -> [PBSubscriptionFact] {
        let name = try object.string("offerName") ?? object.string("offerId") ?? ""
        if let reason = try Self.seatless(object) {
            report.leaveOut(reason, at: place("offerId", name.excerpt))
            return []
        }
        let status = try object.requiredWord("status")
        if ["pending", "none"].contains(status) {
            report.leaveOut("status \(status): not provisioned", at: place("status", name.excerpt))
            return []
        }
        guard status == "expired" || Self.states[status] != nil else {
            throw JSONProblem(
                offset: object.offset("status"),
                message: "status \(try object.requiredString("status").excerpt) is unknown")
        }
        guard let sku = try sku(object, place: place) else { return [] }
        guard let quantity = try object.count("quantity") else {
            throw JSONProblem(offset: object.offset, message: "quantity is missing")
        }
        let end = try object.day("commitmentEndDate")
        let created = try object.day("creationDate") ?? object.day("effectiveStartDate")
        let effective = SubscriptionTiming(options: options).effectiveDay(created: created)
        var fact = PBSubscriptionFact()
        fact.subscriptionID = try object.requiredString("id").lowercased()
        fact.customerID = options.customerID
        fact.skuID = sku
        fact.seller = try seller(object)
        fact.quantity = quantity
        fact.trial = try object.bool("isTrial") ?? false
        fact.autoRenew = try object.bool("autoRenewEnabled") ?? false
        fact.termEnd = end?.description ?? ""
        fact.term = try term(object, place: place)
        fact.effectiveDate = effective.description
        fact.state = Self.states[status] ?? .deprovisioned
        guard status == "expired", let end else { return [fact] }
        let over = end.advanced(by: Self.graceDays + 1)
        guard effective < over else { return [fact] }
        var last = fact
        last.effectiveDate = over.description
        fact.state = .grace
        return [fact, last]
    }

    /// Why a line has no seats; nil for one that has.
    private static func seatless(_ object: JSONObject) throws -> String? {
        let billing = try object.word("billingType")
        let unit = try object.word("unitType")
        if billing == "usage" || unit?.hasPrefix("usage") == true { return "billed by usage: no seats" }
        // Some exports flatten the product type to its name.
        let type: String?
        switch object.members["productType"]?.content {
        case .object: type = try object.object("productType")?.word("id")
        case nil, .null: type = nil
        default: type = try object.word("productType")
        }
        guard let type else { return nil }
        if type.contains("azure") || type.contains("reserv") { return "product type Azure: no seats" }
        if type.contains("software") || type.contains("perpetual") { return "product type software: no seats" }
        return nil
    }

    /// A duration that nobody can read is worth less than the subscription.
    private mutating func term(_ object: JSONObject, place: (String, String) -> LeftOut.Place) throws -> String {
        guard let text = try object.string("termDuration")?.uppercased(), text != "NONE" else { return "" }
        guard Term(text) != nil else {
            report.leaveOut(
                "a termDuration that is no ISO 8601 duration", isFault: true, at: place("termDuration", text.excerpt))
            return ""
        }
        return text
    }

    /// The reseller of an indirect provider's row goes before the owner of the list.
    private mutating func seller(_ object: JSONObject) throws -> PBSubscriptionFact.OneOf_Seller {
        guard let number = try object.text("partnerId")?.lowercased(), !number.isEmpty else {
            return .sellerPartnerID(options.partnerID)
        }
        if let partner = options.partnerNumbers[number] { return .sellerPartnerID(partner) }
        unmapped[number, default: 0] += 1
        return .sellerKind(.unknown)
    }

    /// An offer is no SKU: the map decides, else a product id that is one.
    private mutating func sku(_ object: JSONObject, place: (String, String) -> LeftOut.Place) throws -> String? {
        let offer = try object.string("offerId")?.lowercased()
        if let offer, let sku = options.offers.sku(ofOffer: offer) { return sku }
        if let product = try object.string("productId")?.lowercased(), product.isGUID { return product }
        guard options.skipUnmapped else {
            throw JSONProblem(
                offset: object.offset("offerId"),
                message: "offer \((offer ?? "").excerpt) has no SKU; name it in --offer-map or use --skip-unmapped")
        }
        report.leaveOut(
            "offer \(offer ?? "without id") has no SKU", isFault: true,
            at: place("offerId", try object.string("offerName")?.excerpt ?? ""))
        return nil
    }
}

extension String {
    /// True when a shell takes it as it is.
    fileprivate var isPlain: Bool {
        utf8.count <= 64 && unicodeScalars.allSatisfy { $0.isASCII && ($0.properties.isAlphabetic || "0"..."9" ~= $0) }
    }
}
