import LicenseModel
import Tenancy

/// Who is who in one customer, and what is told about them, fact by fact. People are numbers; ids lead to them.
struct NaivePeople {
    private struct Told {
        var person: Int
        var sku: String
        var start: Int32
        var end: Int32?
    }

    private struct Part {
        var count: Int32
        var users: [Int32: [String]] = [:]
    }

    private struct SnapshotKey: Hashable {
        var sku: String
        var day: Int32
    }

    private var owners: [String: Int] = [:]
    private var mergedInto: [Int: Int] = [:]
    private var mainIDs: [String] = []
    private var names: [Int: String] = [:]
    /// The order of the fact that told the sign-in name last, and the name unless it moved away.
    private var principals: [Int: (order: Int, name: String?)] = [:]
    private var erased: Set<Int> = []
    private var assignments: [Told] = []
    private var snapshots: [SnapshotKey: Set<Int>] = [:]
    private var parts: [SnapshotKey: Part] = [:]
    private var activity: [Int: [Workload: Set<Int32>]] = [:]
    private(set) var concealed: [String: [Workload: Set<Int32>]] = [:]
    private var order = 0

    private func root(_ person: Int) -> Int { mergedInto[person].map(root) ?? person }

    private func find(_ id: String) -> Int? { owners[id].map(root) }

    private mutating func person(_ id: String) -> Int {
        if let known = find(id) { return known }
        owners[id] = mainIDs.count
        mainIDs.append(id)
        return mainIDs.count - 1
    }

    mutating func apply(_ fact: UserFact) {
        order += 1
        let person = person(fact.user.text)
        for id in fact.aliases.map(\.text) + [fact.principalName?.text].compactMap({ $0 }) {
            guard let owner = find(id) else {
                owners[id] = person
                continue
            }
            if owner == person { continue }
            if mainIDs[owner] == id {
                mergedInto[owner] = person
                if let told = principals[owner], told.order > principals[person]?.order ?? -1 {
                    principals[person] = told
                }
            } else {
                owners[id] = person
                if principals[owner]?.name == id { principals[owner]?.name = nil }
            }
        }
        names[person] = fact.displayName
        if let name = fact.principalName { principals[person] = (order, name.text) }
    }

    mutating func apply(_ fact: AssignmentFact) {
        assignments.append(
            Told(
                person: person(fact.user.text), sku: fact.sku.text, start: fact.days.start.number,
                end: fact.days.end?.number))
    }

    mutating func apply(_ fact: AssignmentSnapshotFact) {
        let key = SnapshotKey(sku: fact.sku.text, day: fact.day.number)
        var users = fact.users.map(\.text)
        if let part = fact.part {
            if let known = parts[key], known.count != part.count { parts[key] = nil }
            parts[key, default: Part(count: part.count)].users[part.number] = users
            guard let all = parts[key]?.users, all.count == Int(part.count) else { return }
            users = all.sorted { $0.key < $1.key }.flatMap(\.value)
        }
        parts[key] = nil
        snapshots[key] = Set(users.map { person($0) })
    }

    mutating func apply(_ fact: ActivityFact) {
        let days = fact.days.map(\.number)
        if fact.isConcealed {
            concealed[fact.user.text, default: [:]][fact.workload, default: []].formUnion(days)
        } else {
            activity[person(fact.user.text), default: [:]][fact.workload, default: []].formUnion(days)
        }
    }

    /// The person goes on under another id, unlisted; all of its ids are free for somebody new.
    mutating func erase(_ id: String, replacement: String) -> Bool {
        guard let person = find(id) else {
            guard let days = concealed.removeValue(forKey: id) else { return false }
            concealed[replacement] = days
            return true
        }
        if erased.contains(person) { return false }
        let ids = owners.filter { root($0.value) == person }.keys
        for id in ids { owners[id] = nil }
        owners[replacement] = person
        mainIDs[person] = replacement
        names[person] = nil
        principals[person] = nil
        erased.insert(person)
        for (key, part) in parts {
            parts[key]?.users = part.users.mapValues { $0.map { ids.contains($0) ? replacement : $0 } }
        }
        return true
    }

    // MARK: What is told about each person, by main id

    func derive(into facts: inout NaiveModel.CustomerFacts) {
        func main(_ person: Int) -> String { mainIDs[root(person)] }
        facts.names = [:]
        facts.principalNames = [:]
        for person in mainIDs.indices where mergedInto[person] == nil {
            facts.names[mainIDs[person]] = names[person]
            facts.principalNames[mainIDs[person]] = principals[person]?.name
        }
        facts.assignments = [:]
        for told in assignments {
            facts.assignments[told.sku, default: [:]][main(told.person), default: [:]]
                .updateValue(told.end, forKey: told.start)
        }
        facts.snapshots = [:]
        for (key, people) in snapshots {
            facts.snapshots[key.sku, default: [:]][key.day] = Set(people.map(main))
        }
        facts.activity = [:]
        for (person, days) in activity {
            facts.activity[main(person), default: [:]].merge(days) { $0.union($1) }
        }
        facts.concealed = concealed
        facts.erased = Set(erased.map(main))
    }
}
