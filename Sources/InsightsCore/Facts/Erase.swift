import LicenseModel
import Tenancy

extension InsightsCore {
    /// Replaces a person by an anonymous one: every figure of every day stays, nothing lists or names the person, and a
    /// later fact with the old id starts a new one. A fact with the replacement's id is about the anonymous person.
    ///
    /// Returns false, and changes nothing, if there is no such person.
    public mutating func erase(
        user: UserID, of customer: CustomerID, replacement: UserID, revision: Revision
    ) -> Bool {
        guard let place = customerIndex[customer] else { return false }
        var changed = customers[Int(place)].value
        guard let person = changed.people.find(user) else { return false }
        changed.people.anonymize(person, as: replacement)
        advance(to: revision)
        store(changed, at: place)
        dirty.mark(person: person, of: place)
        return true
    }
}
