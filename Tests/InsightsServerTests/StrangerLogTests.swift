import Logging
import Synchronization
import Testing

@testable import InsightsServer
@testable import LogLines

@Suite struct StrangerLogTests {
    private final class Lines: LogSink {
        let all = Mutex<[String]>([])

        func write(line: [UInt8]) { all.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
    }

    private final class Clock: Sendable {
        let now = Atomic<UInt64>(1)

        var clock: ServerClock {
            ServerClock(unixSeconds: { 0 }, monotonicNanoseconds: { self.now.load(ordering: .relaxed) })
        }
    }

    private let lines = Lines()
    private let clock = Clock()

    private func strangers(_ level: Logger.Level = .info) -> StrangerLog {
        let handler = LineLogHandler(label: "test", format: .json, level: level, sink: lines)
        return StrangerLog(logger: Logger(label: "test") { _ in handler }, clock: clock.clock)
    }

    @Test func whatFindsNoRoomIsSummedUpExactly() {
        let log = strangers()
        for _ in 0..<20_000 { log.log(.info, "connection refused", metadata: [:]) }
        #expect(lines.all.withLock { $0.count } == StrangerLog.linesAtOnce)
        #expect(log.summarize(atOnce: false), "the flood has not ended")
        clock.now.store(6_000_000_000, ordering: .relaxed)
        #expect(!log.summarize(atOnce: false))
        let last = lines.all.withLock { $0.last } ?? ""
        #expect(last.contains("\"lines\":\"\(20_000 - StrangerLog.linesAtOnce)\""), "\(last)")
        #expect(lines.all.withLock { $0.count } == StrangerLog.linesAtOnce + 1)
        #expect(!log.summarize(atOnce: true), "told once")
        for _ in 0..<1_000 { log.log(.info, "connection refused", metadata: [:]) }
        let more = 6 * StrangerLog.linesPerSecond - 1
        let count = lines.all.withLock { $0.count } - StrangerLog.linesAtOnce
        #expect((more...more + 2).contains(count), "what has come back since, and the sum")
    }

    @Test func linesBelowTheLevelTakeNoRoom() {
        let log = strangers()
        for _ in 0..<20_000 { log.log(.debug, "connection opened", metadata: [:]) }
        log.log(.notice, "connection refused", metadata: [:])
        #expect(lines.all.withLock { $0.count } == 1)
        #expect(log.leftOut == 0)
    }
}
