import LicenseModel
import Tenancy

/// A person that was replaced by an anonymous one.
public struct ErasedPerson: Sendable, Hashable {
    /// The ids that nothing says any more, in order.
    public let users: [UserID]
    /// Ids that were the person's before and are others' now, in order.
    public let formerUsers: [UserID]
    /// Where the person was.
    public let place: ErasedPlace
}

extension InsightsCore {
    /// Replaces the person of an id by an anonymous one: every figure of every day stays, nothing lists or names the
    /// person, and a later fact with any of its ids starts a new one. A fact with the replacement's id is about the
    /// anonymous person. An id that only a concealed person has means that one.
    ///
    /// Returns nil, and changes nothing, if there is no such person or it was erased.
    public mutating func erase(
        user: UserID, of customer: CustomerID, replacement: UserID, revision: Revision
    ) -> ErasedPerson? {
        guard let index = customerIndex[customer] else { return nil }
        let known = customers[Int(index)].value
        if let person = known.people.find(user) ?? known.people.findConcealed(user) {
            let place = ErasedPlace(
                .person(Int32(truncatingIfNeeded: person)), of: customer, id: known.people.persons[person].id,
                replacement: replacement)
            return erase(place, revision: revision)
        }
        // Only parts of a snapshot that is not complete may name the person.
        guard let (slot, number) = known.parts.place(of: user) else { return nil }
        return erase(
            ErasedPlace(.part(slot: slot, index: number), of: customer, id: user, replacement: replacement),
            revision: revision)
    }

    /// The same in another core of the same revision, which the log tells no more than the place. Returns nil, and
    /// changes nothing, when somebody else is there: then the core is not what it should be.
    public mutating func erase(_ erased: ErasedPlace, revision: Revision) -> ErasedPerson? {
        guard let index = customerIndex[erased.customer] else { return nil }
        var changed = customers[Int(index)].value
        var parts: Set<Int32> = []
        let found: (people: Set<Int>, ids: Set<UserID>, former: Set<UserID>)
        switch erased.place {
        case .person(let number):
            let person = Int(number)
            guard person >= 0, person < changed.people.persons.count else { return nil }
            let known = changed.people.persons[person]
            guard !known.isErased, known.merge == nil, ErasedPlace.check(of: known.id) == erased.check else {
                return nil
            }
            let gone = changed.people.anonymize(person, as: erased.replacement)
            found = (gone.people.union(gone.others), gone.ids, gone.former)
            changed.parts.replace(gone.ids, by: erased.replacement, changed: &parts)
        case .part(let slot, let number):
            guard let id = changed.parts.id(slot: slot, index: number), ErasedPlace.check(of: id) == erased.check else {
                return nil
            }
            changed.parts.replace([id], by: erased.replacement, changed: &parts)
            let person = changed.person(erased.replacement, at: Moment(revision, place: 0))
            changed.people.persons[person].isErased = true
            found = ([person], [id], [])
        }
        advance(to: revision)
        store(changed, at: index)
        for person in found.people { dirty.mark(person: person, of: index) }
        for part in parts { dirty.mark(part: part, of: index) }
        return ErasedPerson(users: found.ids.sorted(), formerUsers: found.former.sorted(), place: erased)
    }
}
