import Datastore
import Dispatch
import Foundation
import RPCEngine
import Synchronization

/// Follows the log of a shared store, on a thread of its own: reads what others write, as soon as they tell and every
/// 250 ms at the latest, and has the writer apply it.
final class LogFollower: Sendable {
    private static let interval = Duration.milliseconds(250)
    /// Questions one right behind the other, when there is more than one answer takes or the writer went on meanwhile.
    private static let mostAtOnce = 64

    private let store: any LicenseDatastore
    private let writer: FactWriter
    private let onFailure: @Sendable (DatastoreError?) -> Void
    private let isStopped = Atomic(false)
    private let pause = DispatchSemaphore(value: 0)

    /// - Parameter onFailure: told of a failure unless the one before was the same; of nil when it is over.
    init(
        store: any LicenseDatastore, writer: FactWriter, onFailure: @escaping @Sendable (DatastoreError?) -> Void
    ) {
        self.store = store
        self.writer = writer
        self.onFailure = onFailure
    }

    func start() {
        Thread.detachNewThread { [self] in run() }
    }

    /// Does not wait: the thread ends after what it is at, or as the store is closed.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        pause.signal()
    }

    private func run() {
        var told: DatastoreError?
        while !isStopped.load(ordering: .acquiring) {
            do throws(WriteFailure) {
                try follow()
                if told != nil { onFailure(nil) }
                told = nil
            } catch {
                guard case .datastore(let failure) = error, !isStopped.load(ordering: .acquiring) else { return }
                if failure != told { onFailure(failure) }
                told = failure
                _ = pause.wait(timeout: .now() + .nanoseconds(Int(Self.interval.nanoseconds)))
            }
        }
    }

    private func follow() throws(WriteFailure) {
        // Asked also when nobody told anything: that there is nothing is worth knowing too. And when nobody can tell.
        let waited = Result { () throws(DatastoreError) in try store.waitForNews(upTo: Self.interval) }
        for _ in 0..<Self.mostAtOnce {
            if try writer.followOnce() { break }
        }
        if case .failure(let failure) = waited { throw .datastore(failure) }
    }
}
