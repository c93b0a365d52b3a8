extension InsightsCore {
    /// From here on everything counts as changed, so that the next folds give every row there is: for a store that has
    /// none of them.
    public mutating func markEverything() {
        (dirty.revision, dirty.catalog, dirty.partners) = (true, true, true)
        dirtyBuckets = [:]
        for index in 0..<customers.count {
            let customer = customers[index].value
            let place = Int32(truncatingIfNeeded: index)
            dirty.mark(customer: place)
            for first in stride(from: 0, to: customer.people.persons.count, by: DirtyStates.peoplePerRow) {
                dirty.mark(person: first, of: place)
                let group = Int32(truncatingIfNeeded: first / DirtyStates.peoplePerRow)
                for epoch in epochs(customer, group) { dirty.mark(person: first, epoch: epoch, of: place) }
            }
            for slot in customer.parts.slots.keys { dirty.mark(part: slot, of: place) }
        }
    }
}
