import InsightsAPI

/// The contract's bounds on one fact. The server is the judge; this finds what it would refuse while the place in the
/// file is still known.
struct FactCheck {
    let today: String

    /// What is wrong with the fact, or nil.
    func complaint(about fact: PBFact.OneOf_Fact) -> String? {
        switch fact {
        case .partner(let fact): partnerID("partner_id", fact.partnerID) ?? name("name", fact.name)
        case .customer(let fact):
            id("customer_id", fact.customerID) ?? name("name", fact.name) ?? name("market", fact.market)
        case .relationship(let fact):
            partnerID("partner_id", fact.partnerID) ?? id("customer_id", fact.customerID)
                ?? interval(fact.startDate, fact.endDate)
        case .sku(let fact): id("sku_id", fact.skuID) ?? name("name", fact.name) ?? product(fact)
        case .subscription(let fact): subscription(fact)
        case .user(let fact):
            id("customer_id", fact.customerID) ?? id("user_id", fact.userID) ?? name("display_name", fact.displayName)
        case .assignment(let fact):
            id("customer_id", fact.customerID) ?? id("user_id", fact.userID) ?? id("sku_id", fact.skuID)
                ?? interval(fact.startDate, fact.endDate)
        case .assignmentSnapshot(let fact):
            id("customer_id", fact.customerID) ?? id("sku_id", fact.skuID) ?? day("date", fact.date)
                ?? fact.userIds.lazy.compactMap { id("user_ids", $0) }.first
        case .activity(let fact): activity(fact)
        case .supportRequest(let fact): supportRequest(fact)
        case .coverage(let fact):
            id("customer_id", fact.customerID) ?? known("source", fact.source, .unspecified)
                ?? past("through", fact.through)
        }
    }

    private func subscription(_ fact: PBSubscriptionFact) -> String? {
        if case .sellerPartnerID(let seller) = fact.seller, let complaint = partnerID("seller_partner_id", seller) {
            return complaint
        }
        return id("subscription_id", fact.subscriptionID) ?? id("customer_id", fact.customerID)
            ?? id("sku_id", fact.skuID) ?? day("effective_date", fact.effectiveDate)
            ?? within("quantity", fact.quantity, FactBounds.quantity) ?? known("state", fact.state, .unspecified)
            ?? (fact.termEnd.isEmpty ? nil : day("term_end", fact.termEnd))
    }

    private func activity(_ fact: PBActivityFact) -> String? {
        if let complaint = id("customer_id", fact.customerID) ?? id("user_id", fact.userID)
            ?? workload(fact.workloadCode)
        {
            return complaint
        }
        if fact.dates.isEmpty { return "dates is empty" }
        if fact.dates.count > FactBounds.activityDays { return "dates has more than \(FactBounds.activityDays) days" }
        return fact.dates.lazy.compactMap { past("dates", $0) }.first
    }

    private func supportRequest(_ fact: PBSupportRequestFact) -> String? {
        id("customer_id", fact.customerID) ?? day("date", fact.date) ?? known("category", fact.category, .unspecified)
            ?? within("count", fact.count, FactBounds.supportRequests)
    }

    private func product(_ fact: PBSkuFact) -> String? {
        if case .UNRECOGNIZED = fact.product { return "product is none of the known ones" }
        return fact.workloadCodes.lazy.compactMap(workload).first
    }

    private func known<Value: Equatable & CaseIterable>(
        _ field: String, _ value: Value, _ unspecified: Value
    ) -> String? {
        value == unspecified || !Value.allCases.contains(value) ? "\(field) is missing or unknown" : nil
    }

    func id(_ field: String, _ id: String) -> String? {
        if id.isEmpty { return "\(field) is empty" }
        if id.utf8.count > FactBounds.idLength { return "\(field) is longer than \(FactBounds.idLength) characters" }
        return id.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            ? nil : "\(field) \(id.excerpt) may only contain visible ASCII characters"
    }

    private func partnerID(_ field: String, _ partner: String) -> String? {
        if let complaint = id(field, partner) { return complaint }
        return partner.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || "0123456789._-".unicodeScalars.contains($0)
        }
            ? nil : "\(field) \(partner.excerpt) may only contain letters, digits, “.”, “_” and “-”"
    }

    private func name(_ field: String, _ name: String) -> String? {
        name.unicodeScalars.count > FactBounds.nameLength
            ? "\(field) is longer than \(FactBounds.nameLength) characters" : nil
    }

    private func workload(_ code: String) -> String? {
        Workload(rawValue: code) == nil ? "workload_code \(code.excerpt) is none of the known ones" : nil
    }

    private func within(_ field: String, _ value: Int64, _ maximum: Int64) -> String? {
        (0...maximum).contains(value) ? nil : "\(field) \(value) is not within 0 to \(maximum)"
    }

    private func day(_ field: String, _ day: String) -> String? {
        CivilDay.number(day) == nil ? "\(field) \(day.excerpt) is not a day YYYY-MM-DD" : nil
    }

    private func past(_ field: String, _ day: String) -> String? {
        self.day(field, day) ?? (day > today ? "\(field) \(day) is after today (\(today), UTC)" : nil)
    }

    private func interval(_ start: String, _ end: String) -> String? {
        if let complaint = day("start_date", start) { return complaint }
        if end.isEmpty { return nil }
        return day("end_date", end) ?? (end < start ? "end_date \(end) is before start_date \(start)" : nil)
    }
}

/// The workload codes of the contract. `ODB` is accepted by the server and means `SPO`.
public enum Workload: String, CaseIterable, Sendable, Comparable {
    case exchange = "EXO"
    case sharePoint = "SPO"
    case teams = "TEAMS"
    case skype = "SFB"
    case yammer = "YAM"
    case apps = "APPS"
    case dynamics = "CRM"
    case oneDrive = "ODB"

    public static func < (left: Workload, right: Workload) -> Bool { left.rawValue < right.rawValue }
}
