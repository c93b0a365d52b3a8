import Authentication
import DatastoreConformance
import Dispatch
import LicenseModel
import Synchronization
import Tenancy
import Testing

@testable import Datastore
@testable import InsightsCore
@testable import InsightsServer

/// Several servers on one store, and beside them a single one on a store of its own that is told what became of
/// everything, in the order of revisions. Whatever the servers do and whatever happens to them, they must answer as the
/// single one. Everything follows from the seed.
struct Simulation {
    static let today = Day(number: 20_900)
    private static let partners = 6

    let seed: UInt64
    var random: SeededGenerator
    var facts: RandomFacts
    /// Any connection to the store, for a look at it.
    let store = InMemoryDatastore.shared()
    private(set) var servers: [SimulatedServer] = []
    let oracle: SimulatedServer
    private let bounds: FoldBounds
    private let grant: OperatorGrant

    private var lastBatch = 0
    private var batches: [PendingBatch] = []
    private var lastPerson = 0
    /// Who may be erased, and who was.
    private var people: [(customer: CustomerID, user: UserID)] = []
    private var gone: [UserID] = []
    private var knownPartners: [PartnerID] = []

    /// What happened, for whoever looks at a seed that fails.
    private(set) var story: [String] = []

    enum Edge: CaseIterable {
        case doubt, divergence, erasure, refusal, withdrawnBody, foldedStart, droppedLog
    }

    /// What happened at all, so that nobody takes comfort in what was never tried.
    private(set) var edges: Set<Edge> = []

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        facts = RandomFacts(seed: seed)
        facts.variety = 5
        grant = try Grants.operator()
        var bounds = FoldBounds()
        // Some fold all the time, and some never.
        bounds.log = LogProgress(entries: [6, 20, 1_000][random.int(0...2)], facts: .max, bytes: .max)
        bounds.startShare = 1
        self.bounds = bounds
        oracle = try SimulatedServer(on: InMemoryDatastore(), bounds: bounds, today: Self.today)
        for _ in 0..<random.int(2...4) { servers.append(try start()) }
    }

    private func start() throws -> SimulatedServer {
        try SimulatedServer(on: .connected(to: store), bounds: bounds, today: Self.today)
    }

    mutating func run(steps: Int) throws {
        for _ in 0..<steps {
            try step()
            try noteEdges()
            try compareSome()
        }
        for server in servers { server.store.fail(with: nil) }
        servers.append(try start())
        for number in servers.indices {
            tell("at the end \(number)")
            try compare(number)
        }
        try expectNothingOfErased()
    }

    private mutating func noteEdges() throws {
        for server in servers {
            for failure in server.takeFailures() {
                switch failure {
                case .inDoubt: edges.insert(.doubt)
                case .diverged: edges.insert(.divergence)
                default: break
                }
            }
        }
        let rows = store.content.rows.withLock { $0 }
        if rows.dropped > .none { edges.insert(.droppedLog) }
        if try rows.log.contains(where: { try $0.kind == .batch && !LoggedFacts($0.body).withdrawn.isEmpty }) {
            edges.insert(.withdrawnBody)
        }
    }

    private mutating func tell(_ text: String) { story.append(text) }

    private func fail(_ text: String) -> ConformanceFailure {
        ConformanceFailure("seed \(seed): \(text)\n" + story.suffix(40).joined(separator: "\n"))
    }

    private func require(_ condition: Bool, _ text: @autoclosure () -> String) throws {
        if !condition { throw fail(text()) }
    }

    private mutating func anyServer() -> Int { random.int(0...(servers.count - 1)) }

    // MARK: Steps

    private mutating func step() throws {
        switch random.int(0...99) {
        case 0..<34: try feed(on: [anyServer()])
        case 34..<44: try feed(on: Array(servers.indices))
        case 44..<48: try repeatBatch()
        case 48..<64: try changeAccess()
        case 64..<72: try erase()
        case 72..<78: try restart()
        case 78..<86: cutOrMend()
        case 86..<90: try beat()
        case 90..<94: try failOver()
        default: try follow(anyServer())
        }
    }

    /// What the store answers to the next turn of the server may get lost.
    private mutating func loseAnswer(_ number: Int) {
        guard random.chance(12) else { return }
        let lost: InMemoryDatastore.LostAnswer = random.chance(50) ? .written : .notWritten
        let isCut = random.chance(40)
        tell("  the next answer to \(number) is lost: \(lost)\(isCut ? ", then it is cut off" : "")")
        servers[number].store.loseNextAnswer(lost, thenFail: isCut ? .unavailable("cut off") : nil)
    }

    private mutating func makeBatch() throws -> PendingBatch {
        lastBatch += 1
        var facts = try facts.batch(count: random.int(1...8))
        // Each makes everything anew, in every core.
        facts.removeAll { if case .sku = $0 { random.chance(60) } else { false } }
        if random.chance(60) {
            lastPerson += 1
            let customer = try RandomFacts.customer(random.int(0...self.facts.variety))
            let user = try UserID("person-\(lastPerson)@contoso.example")
            people.append((customer, user))
            facts += [
                .user(UserFact(customer: customer, user: user, displayName: "Secret \(lastPerson).")),
                .relationship(
                    RelationshipFact(
                        partner: try PartnerID("partner-\(random.int(0...Self.partners))"), customer: customer,
                        days: DayInterval(start: Day(number: 20_000), end: nil))),
            ]
        }
        return try Self.pending("batch-\(lastBatch)", facts)
    }

    private static func pending(_ id: String, _ facts: [Fact]) throws -> PendingBatch {
        let body = FactBatchCodec.encode(facts)
        // Not of the whole body, which ends with that checksum: then all are the same.
        let digest = try SampleBatches.digest(Int64(CRC32C.checksum(of: body, count: body.count - 4)))
        return PendingBatch(batch: FactBatch(id: try BatchID(id), facts: facts), body: body, digest: digest)
    }

    /// New batches on servers at the same time.
    private mutating func feed(on numbers: [Int]) throws {
        var fed: [(server: SimulatedServer, batches: [PendingBatch])] = []
        for number in numbers {
            let new = try (0..<random.int(1...3)).map { _ in try makeBatch() }
            tell("feed \(number): \(new.map(\.batch.id))")
            loseAnswer(number)
            fed.append((servers[number], new))
        }
        let answers = Mutex<[BatchID: Result<BatchAcceptance, WriteFailure>]>([:])
        let grant = grant
        DispatchQueue.concurrentPerform(iterations: fed.count) { [fed] number in
            let results = fed[number].server.feed(fed[number].batches, by: grant)
            answers.withLock { answers in
                for (batch, result) in zip(fed[number].batches, results) { answers[batch.batch.id] = result }
            }
        }
        try settle(fed.flatMap(\.batches), answers.withLock { $0 })
    }

    /// Tells the single server what the store has, and compares what was answered with that.
    private mutating func settle(
        _ fed: [PendingBatch], _ answers: [BatchID: Result<BatchAcceptance, WriteFailure>]
    ) throws {
        let receipts = store.content.rows.withLock { $0.receipts }
        let accepted = fed.filter { receipts[$0.batch.id] != nil }
            .sorted { (receipts[$0.batch.id]?.revision.number ?? 0) < (receipts[$1.batch.id]?.revision.number ?? 0) }
        for batch in accepted {
            let id = batch.batch.id
            let single = try oracle.feed([batch], by: grant)[0].get()
            try require(
                single.revision == receipts[id]?.revision, "\(id) is revision \(receipts[id]?.revision ?? .none)")
            guard case .success(let acceptance) = answers[id] else { continue }
            try require(acceptance.revision == single.revision, "\(id) was answered \(acceptance.revision)")
            try require(acceptance.accepted == single.accepted, "\(id) has \(acceptance.accepted) facts")
            // After a lost answer it was accepted before.
            try require(
                acceptance.effects == nil || acceptance.effects == single.effects, "the effects of \(id) differ")
        }
        batches += accepted
        for batch in fed where receipts[batch.batch.id] == nil {
            tell("  \(batch.batch.id) was not accepted")
            guard case .failure(.datastore(let error)) = answers[batch.batch.id], error.isTransient else {
                throw fail("\(batch.batch.id) was answered and is not there")
            }
        }
    }

    /// The first receipt is answered everywhere, and another content refused.
    private mutating func repeatBatch() throws {
        guard let batch = batches.randomElement(using: &random) else { return }
        let number = anyServer()
        tell("repeat \(batch.batch.id) on \(number)")
        let receipt = store.content.rows.withLock { $0.receipts[batch.batch.id] }
        let other = try Self.pending(
            batch.batch.id.text, [.partner(PartnerFact(partner: PartnerID("other"), name: "x"))])
        switch servers[number].feed([batch], by: grant)[0] {
        case .success(let again):
            try require(again.revision == receipt?.revision && again.effects == nil, "a repetition made something")
        case .failure(.datastore(let error)) where error.isTransient: return
        case .failure(let failure): throw fail("a repetition was refused: \(failure)")
        }
        switch servers[number].feed([other], by: grant)[0] {
        case .failure(.batchChanged): break
        case .failure(.datastore(let error)) where error.isTransient: break
        case let result: throw fail("another batch of the same id: \(result)")
        }
    }

    // MARK: Changes

    /// The change on a server; then on the single one, if the store has it.
    private mutating func make(
        on number: Int, _ text: String,
        _ kind: (SimulatedServer) throws -> PendingChange.Kind
    ) throws -> Result<MadeChange, WriteFailure>? {
        tell("\(text) on \(number)")
        let server = servers[number]
        // Who makes it must be known there, and what it is may be.
        guard let made = try? kind(server) else { return nil }
        loseAnswer(number)
        let before = store.content.rows.withLock { ($0.generation, $0.revision) }
        let result = server.make(made)
        let after = store.content.rows.withLock { ($0.generation, $0.revision) }
        if case .failure(.datastore(let error)) = result {
            try require(error.isTransient, "\(text): \(error)")
            tell("  \(error)")
            guard after != before else { return nil }
        }
        let single = oracle.make(try kind(oracle))
        switch (result, single) {
        case (.success(let one), .success(let other)):
            try require(one.principal == other.principal, "\(text) gave \(one), not \(other)")
            try require(one.revision == other.revision, "\(text) was answered \(one.revision), not \(other.revision)")
        case (.failure(.datastore), .success): break
        case (.failure(let one), .failure(let other)):
            try require("\(one)" == "\(other)", "\(text) was refused with \(one), not with \(other)")
            try require(after == before, "\(text) was refused and is there")
            edges.insert(.refusal)
        default: throw fail("\(text) ended with \(result), not with \(single)")
        }
        try require(oracle.published.load().revision == after.1, "\(text) made revision \(after.1)")
        return single
    }

    private mutating func changeAccess() throws {
        let number = anyServer()
        let partner = try PartnerID("partner-\(random.int(0...Self.partners))")
        let grant = grant
        if random.chance(35) || knownPartners.isEmpty {
            let first = PrincipalRecord(
                partner: partner, id: try PrincipalID("admin"), displayName: "A", roles: RoleSet([.userManagementAdmin])
            )
            let made = try make(on: number, "create \(partner)") { _ in
                .createPartner(PartnerRecord(id: partner, name: nil), first: first, grant)
            }
            if case .success = made, !knownPartners.contains(partner) { knownPartners.append(partner) }
            return
        }
        if random.chance(15) {
            let disabled = random.chance(30)
            _ = try make(on: number, "disable \(partner): \(disabled)") { _ in
                .setPartner(partner, disabled: disabled, grant)
            }
            return
        }
        let id = try PrincipalID("p\(random.int(0...3))")
        let roles = RoleSet(random.chance(50) ? [.userManagementAdmin] : [.salesAgent])
        let record = PrincipalRecord(partner: partner, id: id, displayName: "N\(random.int(0...9))", roles: roles)
        let change: PrincipalChange = random.chance(60) ? .create(record) : .delete(id)
        _ = try make(on: number, "\(change)") { server in
            let uri = "spiffe://t/partner/\(partner)/principal/admin"
            let caller = try WriterHouse.identified(uri, by: server.authenticator)
            return .principal(change, try Grants.scope(partner.text), by: caller)
        }
    }

    private mutating func erase() throws {
        guard let place = people.indices.randomElement(using: &random) else { return }
        let (customer, user) = people[place]
        let replacement = try UserID("erased-\(story.count)")
        let grant = grant
        let made = try make(on: anyServer(), "erase \(user) of \(customer)") { _ in
            .erase(user, of: customer, replacement: replacement, grant)
        }
        guard case .success = made else { return }
        people.remove(at: place)
        gone.append(user)
        edges.insert(.erasure)
    }

    // MARK: What happens to servers

    private mutating func follow(_ number: Int) throws {
        tell("follow \(number)")
        do throws(WriteFailure) {
            try servers[number].writer.follow()
        } catch {
            guard case .datastore(let failure) = error, failure.isTransient else { throw fail("follow: \(error)") }
        }
    }

    /// Folded to the end, or killed.
    private mutating func restart() throws {
        let number = anyServer()
        let folds = random.chance(40)
        tell("restart \(number)\(folds ? ", folded" : "")")
        if folds { servers[number].writer.stop(folding: .seconds(60)) }
        try servers[number].store.close()
        servers[number] = try start()
        if store.content.rows.withLock({ $0.folds.least }) > .none { edges.insert(.foldedStart) }
    }

    private mutating func cutOrMend() {
        let number = anyServer()
        let isCut = random.chance(40)
        tell("\(isCut ? "cut off" : "mend") \(number)")
        servers[number].store.fail(with: isCut ? .unavailable("cut off") : nil)
    }

    private mutating func beat() throws {
        let number = anyServer()
        tell("beat \(number)")
        try? servers[number].store.beat(applied: servers[number].writer.position.withLock { $0 })
    }

    /// The primary is lost with something that was answered to nobody, which some servers have seen.
    private mutating func failOver() throws {
        let number = anyServer()
        tell("fail over, with a turn of \(number) lost")
        // What was acknowledged, folds too, is on the standby.
        for server in servers { server.settle() }
        let standby = store.standby()
        let server = servers[number]
        server.store.fail(with: nil)
        server.store.loseNextAnswer(.written, thenFail: .unavailable("the primary is gone"))
        if random.chance(60) {
            let lost = try makeBatch()
            guard case .failure = server.feed([lost], by: grant)[0] else { throw fail("a lost batch was accepted") }
        } else if let partner = knownPartners.randomElement(using: &random) {
            let result = server.make(.setPartner(partner, disabled: random.chance(50), grant))
            if case .success = result { tell("  nothing was to change") }
        }
        for other in servers.indices where other != number && random.chance(50) {
            tell("  seen by \(other)")
            servers[other].followWithoutFolding()
        }
        store.failOver(to: standby)
        // What was lost with nothing to change would be of the next turn.
        server.store.loseNextAnswer(.notWritten, thenFail: nil)
        server.store.fail(with: nil)
    }

    // MARK: Comparing

    private mutating func compareSome() throws {
        guard random.chance(35) else { return }
        let number = anyServer()
        tell("compare \(number)")
        try compare(number)
    }

    private mutating func compare(_ number: Int) throws {
        let server = servers[number]
        do throws(WriteFailure) {
            try server.writer.follow()
        } catch {
            guard case .datastore(let failure) = error, failure.isTransient else { throw fail("follow: \(error)") }
            return
        }
        let (core, single) = (server.published.load().core, oracle.published.load().core)
        try require(core.revision == single.revision, "revision \(core.revision), not \(single.revision)")
        let (people, singlePeople) = (core.peopleByPlace, single.peopleByPlace)
        for (customer, expected) in singlePeople where people[customer] != expected {
            let others = (people[customer] ?? []).difference(from: expected)
            throw fail("the people of \(customer) on server \(number) are others: \(others)")
        }
        for partner in 0...Self.partners {
            let scope = try Grants.scope("partner-\(partner)")
            try require(server.principals(in: scope) == oracle.principals(in: scope), "principals of \(partner)")
            let id = scope.partner
            try require(
                server.directory.snapshot.isDisabled(id) == oracle.directory.snapshot.isDisabled(id), "\(id) disabled")
            try require(
                server.directory.snapshot.isRegistered(id) == oracle.directory.snapshot.isRegistered(id), "\(id)")
            let day = Day(number: 20_000 + Int32(random.int(0...850)))
            if let difference = try differingAnswer(
                core.book(in: scope, today: Self.today), single.book(in: scope, today: Self.today), on: day)
            {
                throw fail("\(difference) of \(id) on \(day) of server \(number) differ")
            }
        }
    }

    /// The first answer that differs.
    private func differingAnswer(_ left: PartnerBook, _ right: PartnerBook, on day: Day) throws -> String? {
        let products = Product.allCases
        if left.customers() != right.customers() { return "customers" }
        if left.portfolio(on: day, products: products) != right.portfolio(on: day, products: products) {
            return "portfolio"
        }
        let advice = (
            left.recommendations(of: nil, on: day, products: products)?.rows,
            right.recommendations(of: nil, on: day, products: products)?.rows
        )
        if advice.0 != advice.1 { return "advice" }
        for number in 0...facts.variety {
            let id = try RandomFacts.customer(number)
            if left.insights(of: id, on: day, products: products) != right.insights(of: id, on: day, products: products)
            {
                return "insights of \(id)"
            }
            let users = (
                left.licensedUsers(of: id, on: day, activity: .any, workload: nil)?.rows,
                right.licensedUsers(of: id, on: day, activity: .any, workload: nil)?.rows
            )
            if users.0 != users.1 { return "users of \(id)" }
            if left.subscriptions(of: id, on: day)?.rows != right.subscriptions(of: id, on: day)?.rows {
                return "subscriptions of \(id)"
            }
            if left.explain(.product(.office365), of: id, on: day)
                != right.explain(.product(.office365), of: id, on: day)
            {
                return "classes of \(id)"
            }
        }
        return nil
    }

    /// Neither rows nor bodies have the id of anybody who was erased.
    private func expectNothingOfErased() throws {
        let rows = store.content.rows.withLock { $0 }
        let bodies = rows.states.flatMap { $0.values } + rows.log.map(\.body)
        let texts = bodies.map { String(decoding: $0, as: UTF8.self) }
        for user in gone {
            let number = user.text.dropFirst("person-".count).prefix { $0 != "@" }
            for needle in [user.text, "Secret \(number)."] {
                try require(!texts.contains { $0.contains(needle) }, "the store still has “\(needle)”")
            }
        }
    }
}

extension DatastoreError {
    /// What a caller is told to try again after.
    fileprivate var isTransient: Bool {
        switch self {
        case .unavailable, .inDoubt, .behind: true
        default: false
        }
    }
}
