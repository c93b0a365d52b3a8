/// What waits, first come, first served. Taking costs the same however long the line is: places that were left are
/// given up together, once they are the larger part.
struct WaitingLine<Element> {
    private var places: [Element?] = []
    /// The first place that was not left yet.
    private var first = 0

    var count: Int { places.count - first }
    var isEmpty: Bool { first == places.count }

    mutating func append(_ element: Element) {
        places.append(element)
    }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        defer {
            places[first] = nil
            first += 1
            if first > 16, first > places.count / 2 {
                places.removeFirst(first)
                first = 0
            }
        }
        return places[first]
    }

    /// Takes at most `most`.
    mutating func popFirst(_ most: Int) -> [Element] {
        var taken: [Element] = []
        while taken.count < most, let element = popFirst() { taken.append(element) }
        return taken
    }
}

extension WaitingLine: Sendable where Element: Sendable {}
