import LicenseModel
import Tenancy

extension InsightsCore {
    /// Replaces the person of an id by an anonymous one: every figure of every day stays, nothing lists or names the
    /// person, and a later fact with any of its ids starts a new one. A fact with the replacement's id is about the
    /// anonymous person. An id that only a concealed person has means that one.
    ///
    /// Returns the ids that nothing says any more, in order; nil, and changes nothing, if there is no such person or it
    /// was erased.
    public mutating func erase(
        user: UserID, of customer: CustomerID, replacement: UserID, revision: Revision
    ) -> [UserID]? {
        guard let place = customerIndex[customer] else { return nil }
        var changed = customers[Int(place)].value
        let people: Set<Int>
        let ids: Set<UserID>
        var parts: Set<Int32> = []
        if let person = changed.people.find(user) ?? changed.people.findConcealed(user) {
            if changed.people.persons[person].isErased { return nil }
            let erased = changed.people.anonymize(person, as: replacement)
            people = erased.people.union(erased.others)
            ids = erased.ids
            changed.parts.replace(ids, by: replacement, changed: &parts)
        } else {
            // Only parts of a snapshot that is not complete may name the person.
            ids = [user]
            changed.parts.replace(ids, by: replacement, changed: &parts)
            if parts.isEmpty { return nil }
            let person = changed.person(replacement, at: Moment(revision, place: 0))
            changed.people.persons[person].isErased = true
            people = [person]
        }
        advance(to: revision)
        store(changed, at: place)
        for person in people { dirty.mark(person: person, of: place) }
        for part in parts { dirty.mark(part: part, of: place) }
        return ids.sorted()
    }
}
