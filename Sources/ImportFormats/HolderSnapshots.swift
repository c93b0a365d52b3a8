import InsightsAPI

/// Everybody who holds a SKU on a day, as one fact or in parts that each fit into a batch.
enum HolderSnapshots {
    /// Cut by bytes alone, so that the same people make the same parts.
    static func facts(
        of users: [String], sku: String, options: ImportOptions
    ) -> [PBAssignmentSnapshotFact] {
        var fact = PBAssignmentSnapshotFact()
        fact.customerID = options.customerID
        fact.skuID = sku
        fact.date = options.snapshotDay.description
        // Customer, SKU, day and the two numbers, each with its tag and length.
        let room = options.limits.batchBytes - fact.customerID.utf8.count - sku.utf8.count - 48
        var parts: [ArraySlice<String>] = []
        var start = 0
        var bytes = 0
        for (index, user) in users.enumerated() {
            // A tag and a length of up to two bytes.
            let size = user.utf8.count + 3
            if bytes + size > room, index > start {
                parts.append(users[start..<index])
                start = index
                bytes = 0
            }
            bytes += size
        }
        parts.append(users[start...])
        return parts.enumerated().map { index, users in
            var part = fact
            part.userIds = Array(users)
            if parts.count > 1 {
                part.part = Int32(index + 1)
                part.parts = Int32(parts.count)
            }
            return part
        }
    }
}
