import Foundation
import LicenseModel
import Testing

@testable import GraphSync

struct SyncMetricsTests {
    private static let now: Int64 = 1_780_000_000

    private func synchronizer(_ example: ExampleConfiguration) throws -> Synchronizer {
        Synchronizer(
            try example.load(), SyncOptions(), state: try SyncState(folder: example.folder.file("state")),
            telemetry: SyncTelemetry(), clock: { Date(timeIntervalSince1970: TimeInterval(Self.now)) },
            describe: { "\($0)" })
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
        metrics.record([], hasFailed: true, synchronizer: synchronizer)
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
            insights_sync_last_run_timestamp_seconds 1780000000
            # HELP insights_sync_last_success_timestamp_seconds \
            End of the last run in which no source of the customer failed.
            # TYPE insights_sync_last_success_timestamp_seconds gauge
            insights_sync_last_success_timestamp_seconds{customer="a"} 1780000000
            insights_sync_last_success_timestamp_seconds{customer="b\\"\\\\c"} 1780000000
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

    @Test func readersSeeAllOrNothing() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("sync.prom")
        let metrics = SyncMetrics(path: path)
        var counts = SyncTelemetry.Counts()
        // Longer than what is written at once.
        for number in 0..<3_000 { counts.requests["kind-\(number)"] = number }
        try metrics.write(counts)
        let whole = try String(contentsOfFile: path, encoding: .utf8)
        let reader = Task.detached {
            var seen = 0
            while !Task.isCancelled {
                guard let text = try? String(contentsOfFile: path, encoding: .utf8), text == whole else { return -1 }
                seen += 1
                await Task.yield()
            }
            return seen
        }
        for _ in 0..<200 { try metrics.write(counts) }
        reader.cancel()
        #expect(await reader.value >= 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["sync.prom"])
    }

    @Test func whatCannotBeWrittenIsSaid() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("none/sync.prom")
        #expect(throws: SyncFailure("the metrics file “\(path)” cannot be written: No such file or directory")) {
            try SyncMetrics(path: path).write(SyncTelemetry.Counts())
        }
        // The old one stays when the new one gets no place.
        try FileManager.default.createDirectory(atPath: folder.file("sync.prom/x"), withIntermediateDirectories: true)
        #expect(throws: SyncFailure.self) {
            try SyncMetrics(path: folder.file("sync.prom")).write(SyncTelemetry.Counts())
        }
    }
}
