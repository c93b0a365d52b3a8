/// The first `limit` of everything that is offered, in a strict order: a heap with the last of them on top, so that
/// most offers cost one comparison.
struct Selection<Element> {
    private let limit: Int
    private let isBefore: (Element, Element) -> Bool
    private var heap: [Element] = []

    init(limit: Int, isBefore: @escaping (Element, Element) -> Bool) {
        self.limit = max(0, limit)
        self.isBefore = isBefore
    }

    @inline(__always)
    mutating func offer(_ element: Element) {
        if heap.count < limit {
            heap.append(element)
            rise(from: heap.count - 1)
        } else if let last = heap.first, isBefore(element, last) {
            heap[0] = element
            sink()
        }
    }

    /// What was selected, in order.
    var sorted: [Element] { heap.sorted(by: isBefore) }

    private mutating func rise(from start: Int) {
        var place = start
        while place > 0, isBefore(heap[(place - 1) / 2], heap[place]) {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink() {
        var place = 0
        while true {
            var child = 2 * place + 1
            if child >= heap.count { return }
            if child + 1 < heap.count, isBefore(heap[child], heap[child + 1]) { child += 1 }
            if !isBefore(heap[place], heap[child]) { return }
            heap.swapAt(place, child)
            place = child
        }
    }
}
