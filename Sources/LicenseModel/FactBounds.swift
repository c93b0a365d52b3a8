extension Fact {
    /// Whether numbers and workloads are such as a request may have. The codec keeps any; figures and folded rows count
    /// on this, so whoever takes facts from anywhere but a checked request looks first.
    public var isWithinBounds: Bool {
        switch self {
        case .subscription(let fact): (0...FactLimits.maximumQuantity).contains(fact.quantity)
        case .supportRequest(let fact): (0...FactLimits.maximumSupportRequests).contains(fact.count)
        case .sku(let fact): fact.workloads.isSubset(of: WorkloadSet(Workload.allCases))
        case .partner, .customer, .relationship, .user, .assignment, .assignmentSnapshot, .activity, .coverage: true
        }
    }
}
