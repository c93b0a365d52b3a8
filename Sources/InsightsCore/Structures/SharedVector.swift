/// A value behind one reference: copying it costs one retain, changing a shared one copies it.
struct Box<Value: Sendable>: Sendable {
    /// Always exactly one element; an array because its copy-on-write is `Sendable` without an escape.
    private var storage: [Value]

    init(_ value: Value) {
        storage = [value]
    }

    var value: Value {
        @inline(__always) _read { yield storage[0] }
        @inline(__always) _modify { yield &storage[0] }
    }
}

/// A value that never changes, behind one reference: readers look at its fields without copying it.
final class Frozen<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}

/// A growing vector whose copies share all leaves that neither changed.
///
/// Changing one element of a shared vector copies one leaf of 32, one branch of 32 and the trunk (a reference per 1,024
/// elements): publishing a snapshot costs what was touched, not what there is.
struct SharedVector<Element: Sendable>: Sendable {
    private var trunk: [[[Element]]] = []
    private(set) var count = 0

    init() {}

    subscript(index: Int) -> Element {
        @inline(__always) _read { yield trunk[index &>> 10][(index &>> 5) & 31][index & 31] }
        @inline(__always) _modify { yield &trunk[index &>> 10][(index &>> 5) & 31][index & 31] }
    }

    /// Calls `body` with each element and its index, a leaf at a time.
    @inline(__always)
    func forEach(_ body: (Int, Element) -> Void) {
        var index = 0
        for branch in trunk {
            for leaf in branch {
                for element in leaf {
                    body(index, element)
                    index &+= 1
                }
            }
        }
    }

    mutating func append(_ element: Element) {
        if count & 1_023 == 0 {
            trunk.append([])
        }
        if count & 31 == 0 {
            trunk[count &>> 10].append([])
        }
        trunk[count &>> 10][(count &>> 5) & 31].append(element)
        count += 1
    }
}
