import Tenancy

/// The tables whose rows are counted and added up. Raw values are on disk.
package enum SealedTable: String, CaseIterable, Sendable {
    case entry
    case body
    case state
    case partner
    case principal

    /// Part of every checksum, so that a row of one table fits in no other.
    fileprivate var tag: UInt8 {
        switch self {
        case .entry: 1
        case .body: 2
        case .state: 3
        case .partner: 4
        case .principal: 5
        }
    }
}

/// The checksum of one row over all its columns, keys too: each with its kind and length, so that nothing can move
/// from one column to its neighbor.
package struct RowChecksum {
    private var bytes: [UInt8]

    private init(tag: UInt8) {
        bytes = [tag]
        bytes.reserveCapacity(192)
    }

    private mutating func add(_ number: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number &>> shift))
        }
    }

    private mutating func add(_ number: Int64?) {
        bytes.append(number == nil ? 0 : 1)
        if let number { add(UInt64(bitPattern: number)) }
    }

    private mutating func add(_ text: String?) {
        bytes.append(text == nil ? 0 : 2)
        guard let text else { return }
        add(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// By its own hash, so that a large one is not copied.
    private mutating func add(_ content: [UInt8]?) {
        bytes.append(content == nil ? 0 : 3)
        guard let content else { return }
        add(UInt64(content.count))
        add(XXH64.hash(content))
    }

    private var value: Int64 { Int64(bitPattern: XXH64.hash(bytes)) }

    package static func entry(revision: Int64, kind: Int64, batch: String?, accepted: Int64?, digest: [UInt8]?) -> Int64
    {
        var checksum = RowChecksum(tag: SealedTable.entry.tag)
        checksum.add(revision)
        checksum.add(kind)
        checksum.add(batch)
        checksum.add(accepted)
        checksum.add(digest)
        return checksum.value
    }

    package static func body(revision: Int64, facts: [UInt8]) -> Int64 {
        var checksum = RowChecksum(tag: SealedTable.body.tag)
        checksum.add(revision)
        checksum.add(facts)
        return checksum.value
    }

    package static func state(key: String, content: [UInt8]) -> Int64 {
        var checksum = RowChecksum(tag: SealedTable.state.tag)
        checksum.add(key)
        checksum.add(content)
        return checksum.value
    }

    package static func partner(id: String, name: String?, disabled: Int64) -> Int64 {
        var checksum = RowChecksum(tag: SealedTable.partner.tag)
        checksum.add(id)
        checksum.add(name)
        checksum.add(disabled)
        return checksum.value
    }

    package static func principal(partner: String, id: String, displayName: String, roles: Int64, disabled: Int64)
        -> Int64
    {
        var checksum = RowChecksum(tag: SealedTable.principal.tag)
        checksum.add(partner)
        checksum.add(id)
        checksum.add(displayName)
        checksum.add(roles)
        checksum.add(disabled)
        return checksum.value
    }

    package static func setting(name: String, value: Int64) -> Int64 {
        var checksum = RowChecksum(tag: 6)
        checksum.add(name)
        checksum.add(value)
        return checksum.value
    }

    package static func sum(of table: SealedTable, _ sum: TableSum) -> Int64 {
        var checksum = RowChecksum(tag: 7)
        checksum.add(table.rawValue)
        checksum.add(sum.rows)
        checksum.add(sum.sum)
        return checksum.value
    }
}

/// A set of rows: how many, and the sum of their checksums, whatever their order. A lost, added or exchanged row
/// changes it; adding and taking away cost the same however many there are. Wraps, so that it can also be a difference.
package struct TableSum: Hashable, Sendable {
    package var rows: Int64 = 0
    /// Of the checksums, modulo 2^64.
    package var sum: Int64 = 0

    package init(rows: Int64 = 0, sum: Int64 = 0) {
        self.rows = rows
        self.sum = sum
    }

    package mutating func add(_ checksum: Int64) {
        rows &+= 1
        sum &+= checksum
    }

    package mutating func remove(_ checksum: Int64) {
        rows &-= 1
        sum &-= checksum
    }
}

extension PartnerRecord {
    package var checksum: Int64 { RowChecksum.partner(id: id.text, name: name, disabled: isDisabled ? 1 : 0) }
}

extension PrincipalRecord {
    package var checksum: Int64 {
        RowChecksum.principal(
            partner: partner.text, id: id.text, displayName: displayName, roles: Int64(roles.rawValue),
            disabled: isDisabled ? 1 : 0)
    }
}
