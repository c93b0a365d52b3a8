/// What a change of one customer replaces: copies from before the change keep it. Bounds from measurements
/// (`DisplacedTests`), not exact.
enum Displaced {
    /// The customer itself, its figures and those of the partners that serve it.
    private static let customerBytes = 64 << 10
    /// A person, with days and holdings.
    private static let personBytes = 1 << 10
    /// What one fact of a person touches: leaves and branches of the tables that it is in.
    private static let factBytes = 8 << 10

    /// A subscription, with its entries and steps.
    private static let subscriptionBytes = 1 << 10

    /// A change of any of the subscriptions replaces the list of them.
    static func bytes(subscriptions: Int) -> Int { subscriptions * subscriptionBytes }

    /// - Parameter merged: rows of days of people who were merged; each gets to another person's row.
    static func bytes(merged: Int) -> Int { merged * factBytes }

    /// - Parameters:
    ///   - people: of the customer.
    ///   - facts: nil: all of its people may change.
    static func bytes(people: Int, facts: Int?) -> Int {
        let whole = people.multipliedReportingOverflow(by: personBytes)
        let touched = (facts ?? .max).multipliedReportingOverflow(by: factBytes)
        return customerBytes
            + min(
                whole.overflow ? .max >> 1 : whole.partialValue,
                touched.overflow ? .max >> 1 : touched.partialValue)
    }
}
