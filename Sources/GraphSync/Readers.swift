import Dispatch
import Foundation
import Synchronization

/// Reading of answers, which takes processors and not the turn of those who wait for networks: as many at once as there
/// are processors.
enum Readers {
    private static let gate = RequestGate(max(2, ProcessInfo.processInfo.activeProcessorCount))

    private final class Outcome<Value: Sendable>: Sendable {
        let value = Mutex<Result<Value, any Error>?>(nil)
    }

    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let outcome = Outcome<Value>()
        try await gate.withPlace {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                DispatchQueue.global().async {
                    let result = Result(catching: body)
                    outcome.value.withLock { $0 = result }
                    continuation.resume()
                }
            }
        }
        guard let result = outcome.value.withLock({ $0 }) else { throw CancellationError() }
        return try result.get()
    }
}
