import AuditTrail
import Authentication
import Dispatch
import LicenseModel
import Synchronization
import Tenancy
import Testing

@testable import Datastore
@testable import InsightsCore
@testable import InsightsServer
@testable import LogLines

/// A server without its transport and audit trail: the writer, what it publishes, and who may call.
final class SimulatedServer: Sendable {
    let store: InMemoryDatastore
    let directory: PrincipalDirectory
    let published: PublishedCore
    let authenticator: Authenticator
    let writer: FactWriter
    private let seen: SeenFailures

    private final class SeenFailures: Sendable {
        let all = Mutex<[DatastoreError]>([])
    }

    /// Reads the store back, as a start does.
    init(on store: InMemoryDatastore, bounds: FoldBounds, today: Day) throws {
        self.store = store
        let recovered = try RecoveredState(from: store)
        directory = PrincipalDirectory(recovered.directory)
        published = PublishedCore(recovered.core) { today }
        authenticator = Authenticator(directory: directory, trustDomain: try TrustDomain("t"))
        let seen = SeenFailures()
        self.seen = seen
        writer = FactWriter(
            store: store, published: published, directory: directory, authenticator: authenticator,
            position: recovered.position, replayed: recovered.replayed, bounds: bounds
        ) { error in seen.all.withLock { $0.append(error) } }
    }

    /// What the writer told since it was asked last.
    func takeFailures() -> [DatastoreError] {
        seen.all.withLock { all in
            defer { all = [] }
            return all
        }
    }

    /// Submits the batches together and waits for all.
    func feed(_ batches: [PendingBatch], by grant: OperatorGrant) -> [Result<BatchAcceptance, WriteFailure>] {
        let answers = Mutex<[Int: Result<BatchAcceptance, WriteFailure>]>([:])
        let done = DispatchSemaphore(value: 0)
        for (number, batch) in batches.enumerated() {
            writer.submit(batch, by: grant) { result in
                answers.withLock { $0[number] = result }
                done.signal()
            }
        }
        for _ in batches { done.wait() }
        return answers.withLock { answers in batches.indices.compactMap { answers[$0] } }
    }

    func make(_ kind: PendingChange.Kind) -> Result<MadeChange, WriteFailure> {
        let event = AuditEvent(
            time: Timestamp(milliseconds: 0), principal: "", partner: nil, method: "/x.Y/Z", isAllowed: true, code: 0,
            revision: 0, kind: .change)
        let change = PendingChange(kind: kind, event: event, isWanted: { true }, reply: { _ in })
        return writer.make([change]).first ?? .failure(.stopped)
    }

    /// Waits until the writer has nothing more to do, a fold under way included.
    func settle() {
        repeat {
            perform {}
        } while writer.folding.isUnderWay
    }

    /// Applies the news, if they are to be had.
    func followWithoutFolding() {
        perform { try? self.writer.followNews() }
    }

    private func perform(_ body: @escaping @Sendable () -> Void) {
        let done = DispatchSemaphore(value: 0)
        writer.performChange {
            body()
            done.signal()
        } stopped: {
            done.signal()
        }
        done.wait()
    }

    func principals(in scope: PartnerScope) -> [PrincipalRecord] { directory.snapshot.principals(in: scope) }
}

extension InsightsCore {
    /// Who is at which place of every customer.
    var peopleByPlace: [String: [String]] {
        var people: [String: [String]] = [:]
        for number in 0..<customers.count {
            let customer = customers[number].value
            var texts: [String] = []
            customer.people.persons.forEach { _, person in
                let merge = person.merge.map { "\($0.into) \($0.at)" } ?? ""
                texts.append("\(person.id) \(person.name) \(person.aliases.map(\.id)) \(person.isErased) \(merge)")
            }
            people[customer.id.text] = texts
        }
        return people
    }
}
