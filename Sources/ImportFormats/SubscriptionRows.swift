import InsightsAPI

/// The rows of one list of subscriptions: equal ones are one, those that contradict each other are refused, and what a
/// complete list does not name is over.
struct SubscriptionRows {
    private struct Key: Hashable {
        var row: String
        var day: String
    }

    private struct Seen {
        /// Hash of the fact: a million facts would take several times the memory.
        var content: Int
        var file: String
        var position: FilePosition
    }

    private var seen: [Key: Seen] = [:]
    private var ids: Set<String> = []

    /// Names a subscription that the list has, whether or not it becomes a fact.
    mutating func list(_ id: String) { ids.insert(id) }

    /// False when an equal row came before.
    ///
    /// - Parameter row: what the source knows the row by.
    mutating func isNew(
        _ fact: PBSubscriptionFact, row: String, file: String, position: FilePosition
    ) throws -> Bool {
        let key = Key(row: row, day: fact.effectiveDate)
        guard let before = seen[key] else {
            seen[key] = Seen(content: fact.hashValue, file: file, position: position)
            return true
        }
        guard before.content == fact.hashValue else {
            throw PositionedProblem(
                position,
                "subscription \(row.excerpt) is another one than at \(before.position.text(in: before.file)), for the same day; "
                    + "keep one of them")
        }
        return false
    }

    /// What the list says about all subscriptions that it does not name.
    ///
    /// - Parameter sellers: whose subscriptions the list has; empty = everybody's.
    func addSnapshots(
        ofSellers sellers: Set<String>, into sink: inout FactSink, options: ImportOptions, report: inout ImportReport
    ) throws {
        // More files follow, so this list is not complete.
        if options.withoutCoverage { return }
        // A tag, a length of up to two bytes and the id; beside them little more than two ids.
        let bytes = ids.reduce(512) { $0 + $1.utf8.count + 3 }
        guard bytes <= options.limits.singleBatchBytes else {
            report.note(
                "\(ids.count) subscriptions are more than one message can list: those that are no longer in the list "
                    + "stay as they were")
            return
        }
        var fact = PBSubscriptionSnapshotFact()
        fact.customerID = options.customerID
        fact.date = options.snapshotDay.description
        fact.subscriptionIds = ids.sorted()
        for seller in sellers.isEmpty ? [""] : sellers.sorted() {
            fact.sellerPartnerID = seller
            try sink.add(.subscriptionSnapshot(fact), at: .wholeFile)
        }
    }
}
