extension Fact {
    /// Whether numbers and workloads are such as a request may have. The codec keeps any; figures and folded rows count
    /// on this, so whoever takes facts from anywhere but a checked request looks first.
    public var isWithinBounds: Bool {
        switch self {
        case .subscription(let fact): (0...FactLimits.maximumQuantity).contains(fact.quantity)
        case .supportRequest(let fact): (0...FactLimits.maximumSupportRequests).contains(fact.count)
        case .sku(let fact): fact.workloads.isSubset(of: .all)
        case .coverage(let fact): fact.workloads.isSubset(of: fact.source == .activity ? .all : [])
        case .user(let fact): fact.aliases.count <= FactLimits.maximumAliases
        case .assignmentSnapshot(let fact): fact.part.map(\.isWithinBounds) ?? true
        case .partner, .customer, .relationship, .subscriptionSnapshot, .assignment, .activity: true
        }
    }
}

extension SnapshotPart {
    public var isWithinBounds: Bool {
        (1...FactLimits.maximumSnapshotParts).contains(count) && (1...count).contains(number)
    }
}
