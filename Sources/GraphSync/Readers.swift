import Dispatch
import Foundation

/// Reading of answers, which takes processors and not the turn of those who wait for networks: as many at once as there
/// are processors.
enum Readers {
    private static let gate = RequestGate(max(2, ProcessInfo.processInfo.activeProcessorCount))

    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await gate.withPlace {
            try await withCheckedThrowingContinuation { continuation in
                DispatchQueue.global().async { continuation.resume(with: Result(catching: body)) }
            }
        }
    }
}
