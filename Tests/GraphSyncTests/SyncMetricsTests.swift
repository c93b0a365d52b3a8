import Foundation
import LicenseModel
import Synchronization
import Testing

@testable import GraphSync

struct SyncMetricsTests {
    private static let start: Int64 = 1_780_000_000

    /// A second goes by whenever somebody looks at it.
    private final class Watch: Sendable {
        private let seconds = Mutex(SyncMetricsTests.start - 1)

        func read() -> Date {
            seconds.withLock { seconds in
                seconds += 1
                return Date(timeIntervalSince1970: TimeInterval(seconds))
            }
        }
    }

    private func synchronizer(_ example: ExampleConfiguration) throws -> Synchronizer {
        let watch = Watch()
        return Synchronizer(
            try example.load(), SyncOptions(), state: try SyncState(folder: example.folder.file("state")),
            telemetry: SyncTelemetry(), clock: watch.read, describe: { "\($0)" })
    }

    /// The times of last success that a file has, by customer, as seconds from the start.
    private func successes(_ metrics: SyncMetrics) -> [String: Int64] {
        let lines = metrics.text(SyncTelemetry.Counts()).split(separator: "\n")
        return lines.reduce(into: [:]) { found, line in
            guard let match = line.firstMatch(of: /^insights_sync_last_success_\S+{customer="(.*)"} ([0-9]+)$/),
                let time = Int64(match.2)
            else { return }
            found[String(match.1)] = time - Self.start
        }
    }

    private func outcome(_ customer: String, _ reasons: SourceFailure.Reason...) -> CustomerOutcome {
        var outcome = CustomerOutcome(SyncCustomer(tenantID: "t", customerID: customer, name: nil, market: nil))
        outcome.failures = reasons.map { (.users, SourceFailure($0, "why")) }
        return outcome
    }

    @Test func theTextOfSomeRuns() throws {
        let example = try ExampleConfiguration()
        let synchronizer = try synchronizer(example)
        // Of an earlier process.
        var earlier = SyncState.Customer("broken")
        earlier.lastSuccess = 7
        try synchronizer.state.save(earlier)
        let metrics = SyncMetrics(path: example.folder.file("sync.prom"))
        metrics.record(nil, hasFailed: true, synchronizer: synchronizer)
        // One customer counts once for a reason, however many of its sources have it.
        let odd = outcome(#"b"\c"#)
        let broken = outcome("broken", .throttled, .throttled, .limit)
        metrics.record(
            [odd, broken, outcome("new", .noConsent), outcome("a")], hasFailed: false, synchronizer: synchronizer)
        var counts = SyncTelemetry.Counts()
        counts.requests = ["users": 12, "catalog": 3]
        counts.throttled = .milliseconds(1_500)
        let reasons = SourceFailure.Reason.allCases.map { reason in
            let count = [.throttled, .limit, .noConsent].contains(reason) ? 1 : 0
            return "insights_sync_failures_total{reason=\"\(reason.rawValue)\"} \(count)\n"
        }
        let expected = """
            # HELP insights_sync_runs_total Runs that ended.
            # TYPE insights_sync_runs_total counter
            insights_sync_runs_total 2
            # HELP insights_sync_failed_runs_total Runs in which nothing could be done.
            # TYPE insights_sync_failed_runs_total counter
            insights_sync_failed_runs_total 1
            # HELP insights_sync_last_run_timestamp_seconds End of the last run.
            # TYPE insights_sync_last_run_timestamp_seconds gauge
            insights_sync_last_run_timestamp_seconds 1780000001
            # HELP insights_sync_last_success_timestamp_seconds \
            End of the last run in which no source of the customer failed.
            # TYPE insights_sync_last_success_timestamp_seconds gauge
            insights_sync_last_success_timestamp_seconds{customer="a"} 1780000001
            insights_sync_last_success_timestamp_seconds{customer="b\\"\\\\c"} 1780000001
            insights_sync_last_success_timestamp_seconds{customer="broken"} 7
            # HELP insights_sync_failures_total Customers that failed, by reason.
            # TYPE insights_sync_failures_total counter
            \(reasons.joined())\
            # HELP insights_sync_requests_total Requests to the endpoints, by what was asked for.
            # TYPE insights_sync_requests_total counter
            insights_sync_requests_total{kind="catalog"} 3
            insights_sync_requests_total{kind="users"} 12
            # HELP insights_sync_throttled_seconds_total Time that requests paused because a server asked for it.
            # TYPE insights_sync_throttled_seconds_total counter
            insights_sync_throttled_seconds_total 1.5

            """
        #expect(metrics.text(counts) == expected)
        try metrics.write(counts)
        #expect(try String(contentsOfFile: example.folder.file("sync.prom"), encoding: .utf8) == expected)
    }

    @Test func theLastSuccessOfThoseWhoAreThere() throws {
        let example = try ExampleConfiguration()
        let synchronizer = try synchronizer(example)
        let metrics = SyncMetrics(path: example.folder.file("sync.prom"))
        // Never a success: no time.
        metrics.record([outcome("a"), outcome("b", .limit)], hasFailed: false, synchronizer: synchronizer)
        #expect(successes(metrics) == ["a": 0])
        // One that fails keeps its time, though its state could not be written; one that left goes.
        metrics.record([outcome("a", .limit), outcome("c")], hasFailed: false, synchronizer: synchronizer)
        #expect(successes(metrics) == ["a": 0, "c": 1])
        metrics.record([outcome("a")], hasFailed: false, synchronizer: synchronizer)
        #expect(successes(metrics) == ["a": 2])
        // A run that did not come to its customers says nothing about them.
        metrics.record(nil, hasFailed: true, synchronizer: synchronizer)
        #expect(successes(metrics) == ["a": 2])
        metrics.record([], hasFailed: false, synchronizer: synchronizer)
        #expect(successes(metrics) == [:])
        // Nor does one that a signal ended about those whose turn did not come.
        metrics.record([outcome("a"), outcome("b")], hasFailed: false, synchronizer: synchronizer)
        synchronizer.stop.stop()
        metrics.record([outcome("b")], hasFailed: false, synchronizer: synchronizer)
        #expect(successes(metrics) == ["a": 5, "b": 6])
    }

    @Test func countsGoOn() throws {
        let example = try ExampleConfiguration()
        let synchronizer = try synchronizer(example)
        let metrics = SyncMetrics(path: example.folder.file("sync.prom"))
        for _ in 0..<3 {
            metrics.record(
                [outcome("a", .limit), outcome("b", .limit)], hasFailed: true, synchronizer: synchronizer)
        }
        metrics.record([outcome("a")], hasFailed: false, synchronizer: synchronizer)
        let text = metrics.text(SyncTelemetry.Counts())
        #expect(text.contains("\ninsights_sync_runs_total 4\n"))
        #expect(text.contains("\ninsights_sync_failed_runs_total 3\n"))
        #expect(text.contains("\ninsights_sync_failures_total{reason=\"limit\"} 6\n"))
        #expect(text.contains("\ninsights_sync_throttled_seconds_total 0.0\n"))
    }

    @Test func readersSeeAllOrNothing() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("sync.prom")
        let metrics = SyncMetrics(path: path)
        var counts = SyncTelemetry.Counts()
        // Longer than what is written at once.
        for number in 0..<3_000 { counts.requests["kind-\(number)"] = number }
        var later = counts
        later.requests["kind-0"] = 1_000_000
        // What was there before is of somebody else, and longer.
        try folder.write(repeatElement(UInt8(ascii: "x"), count: 1 << 20), to: "sync.prom")
        try metrics.write(counts)
        #expect(try folder.mode("sync.prom") == 0o644)
        let texts = [metrics.text(counts), metrics.text(later)]
        let reader = Task.detached {
            var seen = 0
            while !Task.isCancelled {
                guard let text = try? String(contentsOfFile: path, encoding: .utf8), texts.contains(text) else {
                    return -1
                }
                seen += 1
                await Task.yield()
            }
            return seen
        }
        for number in 0..<60 { try metrics.write(number.isMultiple(of: 2) ? later : counts) }
        reader.cancel()
        #expect(await reader.value > 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["sync.prom"])
    }

    @Test func whatCannotBeWrittenIsSaid() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("none/sync.prom")
        #expect(
            throws: SyncFailure(
                "the metrics file “\(path)” cannot be written: open sync.prom.new: No such file or directory")
        ) {
            try SyncMetrics(path: path).write(SyncTelemetry.Counts())
        }
        // The old one stays when the new one gets no place, and the new one goes.
        try FileManager.default.createDirectory(atPath: folder.file("sync.prom/x"), withIntermediateDirectories: true)
        let taken = folder.file("sync.prom")
        #expect(throws: SyncFailure("the metrics file “\(taken)” cannot be written: rename sync.prom: Is a directory"))
        {
            try SyncMetrics(path: taken).write(SyncTelemetry.Counts())
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["sync.prom"])
    }
}
