import Foundation
import InsightsCore
import LicenseModel
import RPCEngine
import Testing

@testable import InsightsServer
@testable import LogLines

/// The table in `docs/limits.md` of the limits that no option changes. The others are compared where the options are,
/// by `Tests/EndToEnd/test_limits.py`.
@Suite struct LimitTableTests {
    private static func number(_ value: Int) -> String {
        var text = String(value)
        var position = text.count - 3
        while position > 0 {
            text.insert(",", at: text.index(text.startIndex, offsetBy: position))
            position -= 3
        }
        return text
    }

    private static func frames(_ budget: RPCEngine.Limits.Budget) -> String {
        "\(number(budget.burst)) at once, then \(number(budget.perSecond)) a second"
    }

    private static let rows: [(what: String, limit: String)] = {
        let limits = RPCEngine.Limits()
        let log = QueuedSink.Bounds()
        return [
            ("unfinished requests", "\(number(limits.maxBufferedRequestBytes)) bytes"),
            (
                "unary replies that the peer does not read; further calls wait",
                "\(number(limits.maxBufferedReplyBytes)) bytes"
            ),
            (
                "answers of streams that the peer does not read, together",
                "\(number(limits.connectionQueueBytes)) bytes"
            ),
            ("a reply of which the peer takes nothing", "\(number(Int(limits.unreadTimeout.components.seconds))) s"),
            ("requests other than batches of facts", "\(number(MethodRegistry.requestBytes)) bytes"),
            ("what the calls of one partner may hold", "a quarter of `--memory-budget`"),
            ("resets by the client", frames(limits.resets)),
            ("broken streams", frames(limits.streamFaults)),
            ("streams above `--max-streams`", frames(limits.refusedStreams)),
            ("pings", frames(limits.pings)),
            ("settings", frames(limits.settings)),
            ("window updates beyond two for each data frame sent", frames(limits.windowUpdates)),
            ("empty and unknown frames, and padding alone", frames(limits.uselessFrames)),
            ("data frames below 64 bytes that do not end a stream", frames(limits.smallData)),
            ("messages of TLS itself after the handshake", frames(limits.handshakeMessages)),
            ("header blocks above `--max-header-bytes`", frames(limits.oversizedHeaders)),
            ("KiB of headers beyond the first 4 of each call", frames(limits.headerKiB)),
            ("their TLS handshake when those are taken", "\(limits.crowdedHandshakeTimeout.components.seconds) s"),
            (
                "snapshots that pages go on from, for \(SnapshotShelf.lifetime) s; beyond it the next page is of the "
                    + "newest facts",
                "\(SnapshotShelf.size), \(SnapshotShelf.sizePerPartner) of a partner, "
                    + "and a quarter of `--memory-budget`"
            ),
            (
                "relationships of a customer in `GetIngestStatus`, by partner and start",
                "the first \(InsightsCore.maximumKnownRelationships)"
            ),
            ("health watches of the server", number(HealthService.maximumWatchers)),
            ("changes of the operator that wait", number(ChangeQueue.operatorLimit)),
            (
                "health watches without a verified certificate",
                "\(HealthService.maximumStrangers), of a connection \(HealthService.maximumOfStranger)"
            ),
            (
                "log lines about connections and calls without a good credential; the rest is summed up",
                "\(StrangerLog.linesAtOnce) at once, then \(StrangerLog.linesPerSecond) a second"
            ),
            (
                "log lines that nobody reads; the rest is lost and counted",
                "\(number(log.lines)) lines, \(number(log.bytes)) bytes"
            ),
        ]
    }()

    private static let document: Result<String, any Error> = Result {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent("docs/limits.md"), encoding: .utf8)
    }

    @Test(arguments: rows.indices)
    func documentTellsTheLimit(_ index: Int) throws {
        let row = Self.rows[index]
        #expect(try Self.document.get().contains("\n| \(row.what) | \(row.limit) |\n"), "\(row.what): \(row.limit)")
    }
}
