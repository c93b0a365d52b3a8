import InsightsAPI
import LicenseModel

/// Which facts say that the partner serves a customer. An earlier relationship stays as it is.
struct RelationshipPlan {
    let partnerID: String
    let customerID: String
    let today: Day

    /// Relationships of a customer that a server tells; further ones are left out of its answer.
    private static let mostTold = 100

    /// - Parameters:
    ///   - firstDay: the first day that the sources of this run tell about.
    ///   - told: the start of the relationship that a synchronization told before, if one did.
    ///   - isFirstHistory: the subscriptions are told since their creation in this run.
    /// - Returns: the facts, and the start if a relationship is told.
    func facts(
        known: [KnownCustomer.Relationship], firstDay: Day, told: Day?, isFirstHistory: Bool
    ) -> (facts: [PBFact], start: Day?) {
        let own = known.filter { $0.partnerID == partnerID }
        // The answer may have been cut before it came to the partner's own.
        if own.isEmpty, known.count >= Self.mostTold { return ([], nil) }
        guard let last = own.max(by: { $0.start < $1.start }) else { return ([fact(firstDay, nil)], firstDay) }
        guard let end = last.end, end <= today else {
            // The history that failed in the first run came with a later one.
            if isFirstHistory, own.count == 1, let told, told == last.start, last.end == nil, firstDay < told {
                return ([fact(firstDay, nil), fact(told, told)], firstDay)
            }
            return ([], nil)
        }
        // Served once, and in the partner's list again.
        return ([fact(today, nil)], today)
    }

    private func fact(_ start: Day, _ end: Day?) -> PBFact {
        var fact = PBFact()
        fact.relationship.partnerID = partnerID
        fact.relationship.customerID = customerID
        fact.relationship.startDate = start.description
        fact.relationship.endDate = end?.description ?? ""
        return fact
    }
}
