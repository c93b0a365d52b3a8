import Foundation
import GraphSync

/// Run after run until a signal; one line of JSON on standard error for each customer and run.
struct SyncService {
    let command: SyncCommand
    let synchronizer: Synchronizer
    let metrics: SyncMetrics?
    let pause: Pause

    func run() async throws {
        while !synchronizer.stop.isStopping {
            let began = ContinuousClock.now
            await runOnce(began)
            let next = began + pause.duration
            _ = try await synchronizer.stop.cancelable { try await Task.sleep(until: next, clock: .continuous) }
        }
    }

    /// What fails is told, and the next run tries it again.
    private func runOnce(_ began: ContinuousClock.Instant) async {
        var reached: [CustomerOutcome]?
        var failure: String?
        do {
            reached = try await command.outcomes(synchronizer, onOutcome: Self.log)
        } catch {
            failure = ErrorText.line(for: error)
        }
        let outcomes = reached ?? []
        for note in synchronizer.notes { Self.write(["level": "warning", "message": "customers", "error": note]) }
        if command.connection.output != .table {
            // For programs; people read the lines.
            try? SyncView(outcomes: outcomes, isDryRun: command.dryRun).print(command.connection.output)
        }
        let failed = outcomes.count(where: \.hasFailed)
        let hasFailed = failure != nil || failed > 0 && failed == outcomes.count
        metrics?.record(reached, hasFailed: hasFailed, synchronizer: synchronizer)
        let counts = synchronizer.telemetry.counts
        do {
            try metrics?.write(counts)
        } catch {
            Self.write(["level": "error", "message": "metrics", "error": error.description])
        }
        var line: [String: Any] = [
            "level": hasFailed ? "error" : failed > 0 ? "warning" : "info", "message": "run",
            "customers": outcomes.count, "failed": failed, "requests": counts.allRequests,
            "throttled_seconds": counts.throttled.components.seconds,
            "seconds": (ContinuousClock.now - began).components.seconds,
        ]
        line["error"] = failure
        Self.write(line)
    }

    private static func log(_ outcome: CustomerOutcome) {
        var line: [String: Any] = [
            "level": outcome.hasFailed ? "warning" : "info", "message": "customer", "customer": outcome.customerID,
            "status": outcome.hasFailed ? "failed" : "ok", "facts": outcome.facts,
        ]
        line["subscriptions"] = outcome.subscriptions
        line["users"] = outcome.users
        line["days"] = outcome.days
        if outcome.hasFailed {
            line["failures"] = outcome.failures.map {
                ["source": $0.source.rawValue, "reason": $0.failure.reason.rawValue, "error": $0.failure.message]
            }
        }
        if !outcome.notes.isEmpty { line["notes"] = outcome.notes }
        write(line)
    }

    private static func write(_ line: [String: Any]) {
        var line = line
        line["time"] = Date().ISO8601Format()
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? JSONSerialization.data(withJSONObject: line, options: options) else { return }
        Terminal.writeError(String(decoding: data, as: UTF8.self))
    }
}
