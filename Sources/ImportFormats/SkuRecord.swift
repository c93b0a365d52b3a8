import InsightsAPI

/// One SKU of a catalog, as its facts need it.
struct SkuRecord {
    var id: String
    var name: String
    var partNumber: String
    var plans: Set<String> = []
    /// False for SKUs that belong to an organization as a whole; they are no licenses of people.
    var isForUsers = true
    /// True for what is nobody's purchase.
    var isFree = false

    /// Dynamics 365 by name, with its own workload beside those that its plans bring along; otherwise Office 365 when
    /// a plan entitles to one of its workloads; otherwise a family that insights do not cover.
    var fact: PBSkuFact {
        var fact = PBSkuFact()
        fact.skuID = id
        fact.name = name
        fact.free = isFree
        guard isForUsers else { return fact }
        var workloads = ServicePlanRules.workloads(ofPlans: plans)
        if ServicePlanRules.isDynamics(name: name, partNumber: partNumber) {
            if ServicePlanRules.dynamicsCapacity.contains(partNumber.uppercased()) { return fact }
            workloads.insert(.crm)
            fact.product = .dynamics365
        } else if !workloads.isEmpty {
            fact.product = .office365
        }
        fact.workloadCodes = workloads.sorted().map(\.code)
        return fact
    }
}

extension String {
    /// True for 8-4-4-4-12 hexadecimal digits.
    public var isGUID: Bool {
        let groups = split(separator: "-", omittingEmptySubsequences: false)
        return groups.map(\.utf8.count) == [8, 4, 4, 4, 12]
            && utf8.allSatisfy { $0 == UInt8(ascii: "-") || Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }
    }
}
