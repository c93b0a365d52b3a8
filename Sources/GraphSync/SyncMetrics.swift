import DurableFiles
import Foundation
import Synchronization

/// The metrics of a synchronization in the text format of Prometheus.
public final class SyncMetrics: Sendable {
    private struct State {
        var runs = 0
        var failedRuns = 0
        var lastRun: Int64 = 0
        var failures: [SourceFailure.Reason: Int] = [:]
        var lastSuccess: [String: Int64] = [:]
    }

    private let path: String
    private let state = Mutex(State())

    public init(path: String) { self.path = path }

    /// - Parameters:
    ///   - outcomes: nil when the run did not come to the customers.
    ///   - hasFailed: nothing could be done.
    public func record(_ outcomes: [CustomerOutcome]?, hasFailed: Bool, synchronizer: Synchronizer) {
        let now = synchronizer.now()
        state.withLock { state in
            state.runs += 1
            if hasFailed { state.failedRuns += 1 }
            state.lastRun = now
            guard let outcomes else { return }
            let known = state.lastSuccess
            // Customers that left the list go; those that a signal kept from their turn do not.
            if !synchronizer.stop.isStopping { state.lastSuccess = [:] }
            for outcome in outcomes {
                for reason in Set(outcome.failures.map(\.failure.reason)) { state.failures[reason, default: 0] += 1 }
                // One that failed keeps what this process saw, or an earlier one.
                let id = outcome.customerID
                state.lastSuccess[id] =
                    outcome.hasFailed ? known[id] ?? synchronizer.state.load(id).lastSuccess : now
            }
        }
    }

    /// In one step: whoever reads the file sees all of a run or nothing of it. Another user collects them.
    public func write(_ counts: SyncTelemetry.Counts) throws(SyncFailure) {
        do throws(FileRefusal) {
            try DurableFile<FileRefusal>.replace(path, with: Array(text(counts).utf8), mode: 0o644)
        } catch {
            throw SyncFailure("the metrics file “\(path)” cannot be written: \(error.reason)")
        }
    }

    func text(_ counts: SyncTelemetry.Counts) -> String {
        let state = state.withLock { $0 }
        var text = ""
        func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: String)]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for sample in samples { text += "\(name)\(sample.labels) \(sample.value)\n" }
        }
        family("insights_sync_runs_total", "counter", "Runs that ended.", [("", "\(state.runs)")])
        family(
            "insights_sync_failed_runs_total", "counter", "Runs in which nothing could be done.",
            [("", "\(state.failedRuns)")])
        family(
            "insights_sync_last_run_timestamp_seconds", "gauge", "End of the last run.", [("", "\(state.lastRun)")])
        family(
            "insights_sync_last_success_timestamp_seconds", "gauge",
            "End of the last run in which no source of the customer failed.",
            state.lastSuccess.sorted { $0.key < $1.key }.map { (Self.label("customer", $0.key), "\($0.value)") })
        family(
            "insights_sync_failures_total", "counter", "Customers that failed, by reason.",
            SourceFailure.Reason.allCases.map { (Self.label("reason", $0.rawValue), "\(state.failures[$0] ?? 0)") })
        family(
            "insights_sync_requests_total", "counter", "Requests to the endpoints, by what was asked for.",
            counts.requests.sorted { $0.key < $1.key }.map { (Self.label("kind", $0.key), "\($0.value)") })
        let throttled =
            Double(counts.throttled.components.seconds) + Double(counts.throttled.components.attoseconds) / 1e18
        family(
            "insights_sync_throttled_seconds_total", "counter",
            "Time that requests paused because a server asked for it.",
            [("", "\(throttled)")])
        return text
    }

    private static func label(_ name: String, _ value: String) -> String {
        let escaped = value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
        return "{\(name)=\"\(escaped)\"}"
    }
}
