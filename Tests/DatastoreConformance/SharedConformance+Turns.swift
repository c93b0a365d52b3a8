import Datastore
import Foundation
import LicenseModel
import Synchronization
import Tenancy

extension SharedConformanceCheck {
    /// 200 random turns of two servers, some of batches that the other had already: every server has every entry once,
    /// in one order, and nothing has two receipts.
    func handlesTakeTurns(_ harness: DatastoreHarness) throws {
        var random = SeededGenerator(seed: 11)
        let first = Handle(try harness.make())
        let handles = [first, try Handle(connectedTo: first, harness)]
        var receipts: [BatchID: BatchReceipt] = [:]
        for step in 0..<200 {
            let handle = handles[random.int(0...1)]
            let names = (0..<random.int(1...4)).map { _ in "batch-\(random.int(0...(step + 5)))" }
            let ids = try Set(names).sorted().map { try BatchID($0) }
            let told = try handle.turn(asking: ids) { news throws(DatastoreError) in
                var entries: [LogEntry] = []
                for id in ids where news.receipts[id] == nil {
                    let revision = Revision(number: news.log.position.revision.number + Int64(entries.count) + 1)
                    guard let entry = try? SampleBatches.entry(named: id.text, at: revision) else { continue }
                    entries.append(entry)
                }
                return Turn(news.receipts, batches: entries)
            }
            for id in ids {
                try require(told[id] == receipts[id], "the receipt of \(id) differs at step \(step)")
                guard receipts[id] == nil else { continue }
                receipts[id] = try handle.store.receipt(of: id, for: try Grants.operator())
                try require(receipts[id] != nil, "no receipt of \(id) at step \(step)")
            }
            if random.chance(20) { try handles[random.int(0...1)].catchUp(limit: random.int(1...9)) }
        }
        for handle in handles { try handle.catchUp() }
        try require(handles[0].log == handles[1].log, "two servers have two logs")
        try require(handles[0].position == handles[1].position, "two servers have two positions")
        try require(try Recovered(handles[0].store).log == handles[0].log, "the log differs from what was followed")
        try require(Set(handles[0].log.compactMap(\.receipt)) == Set(receipts.values), "a receipt is given twice")
        for handle in handles { try handle.store.close() }
    }

    /// The same from threads that wait for each other: no entry is lost, doubled or in two orders.
    func threadsTakeTurns(_ harness: DatastoreHarness) throws {
        let first = Handle(try harness.make())
        let second = try Handle(connectedTo: first, harness)
        let stores = [first.store, second.store]
        let failures = Mutex<[String]>([])
        let group = DispatchGroup()
        for (number, store) in stores.enumerated() {
            DispatchQueue.global().async(group: group) {
                do {
                    let handle = Handle(store)
                    for step in 0..<60 { try handle.commit(["\(number)-\(step)", "\(number)-\(step)-more"]) }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        group.wait()
        let found = failures.withLock { $0 }
        try require(found.isEmpty, found.joined(separator: "; "))
        for handle in [first, second] {
            try handle.catchUp(limit: 50)
            try require(handle.log.count == 240, "\(handle.log.count) entries of 240")
            for number in 0...1 {
                let own = handle.log.compactMap { $0.receipt?.batch.text }.filter { $0.hasPrefix("\(number)-") }
                let written = (0..<60).flatMap { ["\(number)-\($0)", "\(number)-\($0)-more"] }
                try require(own == written, "the order of a server's batches differs")
            }
        }
        try require(first.log == second.log, "two servers have two logs")
        for store in stores { try store.close() }
    }

    func turnsThatThrowAreNoNews(_ harness: DatastoreHarness) throws {
        let first = Handle(try harness.make())
        let second = try Handle(connectedTo: first, harness)
        try first.commit(["a"])
        try requireRefusal(.unavailable("not today")) {
            try second.turn { (_) throws(DatastoreError) in throw .unavailable("not today") }
        }
        try require(second.log.count == 1, "what was told before is lost with the turn")
        try requireRefusal(.duplicateBatch(try BatchID("a"))) { try second.commit(["b", "a"]) }
        try requireRefusal(.notFound) {
            let change = AccessChange.updatePartner(try PartnerID("nobody"), isDisabled: true)
            let save = AccessSave(change, entry: nil, for: .operator(try Grants.operator()))
            try second.turn { Turn($0.receipts, access: [save]) }
        }
        try first.catchUp()
        try require(first.log.count == 1, "a turn that threw is among the news")
        try require(try first.store.receipt(of: try BatchID("b"), for: try Grants.operator()) == nil, "a receipt")
        try first.commit(["c"])
        try second.commit(["d"])
        try require(second.log.map(\.revision.number) == [1, 2, 3], "a turn that threw left a gap")
        for handle in [first, second] { try handle.store.close() }
    }

    func newsComeInPagesAndWake(_ harness: DatastoreHarness) throws {
        let first = Handle(try harness.make())
        let second = try Handle(connectedTo: first, harness)
        for number in 0..<10 { try first.commit((0..<3).map { "\(number)-\($0)" }) }
        try second.catchUp(limit: 7)
        try require(second.log == first.log, "pages of news are not the log")
        // What was said of the turns so far.
        while try second.store.waitForNews(upTo: .milliseconds(100)) {}
        let late = first.store
        let position = first.position
        let done = DispatchSemaphore(value: 0)
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(50)) {
            _ = try? late.turn(after: position, batches: [], for: try Grants.operator()) { news in
                Turn(1, batches: (try? SampleBatches.entry(named: "late", at: news.nextRevision)).map { [$0] } ?? [])
            }
            done.signal()
        }
        try require(try second.store.waitForNews(upTo: .seconds(20)), "nobody was woken")
        done.wait()
        try second.catchUp()
        try require(second.log.count == 31, "what woke is not among the news")
        for handle in [first, second] { try handle.store.close() }
    }

    /// Also those that make no revision.
    func changesOfAccessAreNews(_ harness: DatastoreHarness) throws {
        let first = Handle(try harness.make())
        let second = try Handle(connectedTo: first, harness)
        let grant = AccessGrant.operator(try Grants.operator())
        for name in ["alpha", "beta"] {
            let partner = PartnerRecord(id: try PartnerID(name), name: nil)
            let admin = try ConformanceCheck.principal(name, "admin")
            try first.turn { news in
                let entry = LogEntry.partnerCreated(revision: news.nextRevision)
                return Turn(
                    news.receipts,
                    access: [AccessSave(.createPartner(partner, first: admin), entry: entry, for: grant)])
            }
        }
        try second.catchUp()
        try require(second.log.map(\.kind) == [.partnerCreated, .partnerCreated], "created partners are no entries")
        try require(second.access.count == 2, "not every partner is told")
        let before = second.position
        let zoe = try ConformanceCheck.principal("beta", "zoe")
        let scope = AccessGrant.partner(try Grants.scope("beta"))
        try first.turn { Turn($0.receipts, access: [AccessSave(.createPrincipal(zoe), entry: nil, for: scope)]) }
        let disabling = AccessChange.updatePartner(try PartnerID("beta"), isDisabled: true)
        try first.turn { Turn($0.receipts, access: [AccessSave(disabling, entry: nil, for: grant)]) }
        try require(first.position.revision == before.revision, "a principal made a revision")
        try require(first.position.generation > before.generation, "a principal made no generation")
        let news = try second.store.news(after: before, limit: 10, for: try Grants.operator())
        let admin = try ConformanceCheck.principal("beta", "admin")
        let beta = PartnerAccess(
            partner: PartnerRecord(id: try PartnerID("beta"), name: nil, isDisabled: true), principals: [admin, zoe])
        try require(news.partners == [beta], "the partners of the news differ")
        try require(news.position == first.position, "the position differs")
        // In a turn as well.
        try second.turn { Turn($0.receipts) }
        try require(second.access[beta.partner.id] == beta, "a turn does not tell of principals")
        for handle in [first, second] { try handle.store.close() }
    }

    func membersAreKnown(_ harness: DatastoreHarness) throws {
        let first = Handle(try harness.make())
        let second = try Handle(connectedTo: first, harness)
        try require(try first.store.members().isEmpty, "a store that nobody joined has members")
        try first.store.beat(applied: first.position)
        try second.store.beat(applied: second.position)
        try first.commit(["a"])
        try first.store.beat(applied: first.position)
        let members = try second.store.members()
        try require(members.count == 2 && Set(members.map(\.id)).count == 2, "\(members.count) members, not 2")
        try require(members.filter(\.isSelf).map(\.applied.revision) == [.none], "own entry differs")
        try require(
            members.filter { !$0.isSelf }.map(\.applied.revision) == [first.position.revision], "other's differs")
        try require(members.allSatisfy { $0.silence < .seconds(60) }, "a member is silent")
        try first.store.close()
        try require(try second.store.members().map(\.isSelf) == [true], "who left is still a member")
        try second.store.close()
    }

    func keysAreThoseOfTheFirst(_ harness: DatastoreHarness) throws {
        let first = try harness.make()
        let second = try Handle(connectedTo: Handle(first), harness).store
        let (one, other) = ([UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32))
        try require(try first.keysCheck(own: one) == one, "the first is not told its own")
        try require(try second.keysCheck(own: other) == one, "the second is not told the first's")
        try require(try second.keysCheck(own: one) == one, "the second changed it")
        try require(try first.keysCheck(own: other) == one, "the first is not held to it")
        for store in [first, second] { try store.close() }
    }
}
