import Foundation
import Testing

@testable import InsightsServer
@testable import LogLines

/// The log's queue before a pipe. Whoever logs never waits: a sink that did would hang these tests.
@Suite(.timeLimit(.minutes(1))) struct QueuedSinkTests {
    /// A pipe that holds 4 KiB, so that it is full at once.
    private final class SmallPipe {
        let reader: Int32
        let writer: Int32

        init() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            reader = ends[0]
            writer = ends[1]
            // F_SETPIPE_SZ of Linux, a macro that Swift does not see.
            try #require(fcntl(writer, 1_031, 4_096) >= 0)
        }

        /// Nothing more fits until somebody reads; the bytes are one line.
        func fill() {
            let line = [UInt8](repeating: UInt8(ascii: "x"), count: 4_095) + [UInt8(ascii: "\n")]
            #expect(write(writer, line, line.count) == line.count)
        }

        /// Reads until `count` lines have come, in small pieces.
        func lines(_ count: Int) -> [String] {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1_000)
            var found = 0
            while found < count {
                let length = read(reader, &buffer, buffer.count)
                if length <= 0 { break }
                found += buffer[..<length].count { $0 == UInt8(ascii: "\n") }
                bytes += buffer[..<length]
            }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    private func sink(_ pipe: SmallPipe, lines: Int = 16_384, bytes: Int = 4 << 20) -> QueuedSink {
        var bounds = QueuedSink.Bounds()
        bounds.lines = lines
        bounds.bytes = bytes
        return QueuedSink(descriptor: pipe.writer, bounds: bounds) { Array("lost \($0)\n".utf8) }
    }

    private func line(_ number: Int) -> [UInt8] { Array("line \(number)\n".utf8) }

    @Test func aFullPipeHoldsNobodyUpAndNothingIsLost() throws {
        let pipe = try SmallPipe()
        let sink = sink(pipe)
        for number in 0..<10_000 { sink.write(line: line(number)) }
        #expect(!sink.flush(within: .milliseconds(20)))
        #expect(pipe.lines(10_000) == (0..<10_000).map { "line \($0)" })
        #expect(sink.flush(within: .seconds(20)))
        #expect(sink.lostLines == 0)
    }

    /// A pipe takes 4 KiB whole: who shares it never sees half a line. Longer lines stand alone.
    @Test func longAndShortLinesKeepTheirOrder() throws {
        let pipe = try SmallPipe()
        let sink = sink(pipe)
        let lines = (0..<400).map { String(repeating: "x", count: $0 * 97 % 6_000) + "\($0)" }
        for line in lines { sink.write(line: Array((line + "\n").utf8)) }
        #expect(pipe.lines(lines.count) == lines)
    }

    @Test(arguments: [(100, 1 << 20), (1 << 20, 1_000)])
    func beyondTheBoundsLinesAreLostAndCounted(_ lines: Int, _ bytes: Int) throws {
        let pipe = try SmallPipe()
        pipe.fill()
        let sink = sink(pipe, lines: lines, bytes: bytes)
        let given = 5_000
        for number in 0..<given { sink.write(line: line(number)) }
        let lost = Int(sink.lostLines)
        #expect(lost > 0 && lost < given)
        let found = Array(pipe.lines(given - lost + 2).dropFirst())
        // What was lost is lost in one piece, and the notice stands where it was.
        let notice = try #require(found.firstIndex { $0.hasPrefix("lost ") })
        #expect(found[notice] == "lost \(lost)")
        #expect(Array(found[..<notice]) == (0..<notice).map { "line \($0)" })
        #expect(found.count == given - lost + 1)
        // And the log goes on.
        #expect(sink.flush(within: .seconds(20)))
        sink.write(line: line(7))
        #expect(pipe.lines(1) == ["line 7"])
        #expect(Int(sink.lostLines) == lost)
    }

    @Test func manyThreadsMixNoLines() async throws {
        let pipe = try SmallPipe()
        let sink = sink(pipe)
        async let found = Task.detached { pipe.lines(4_000) }.value
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask { for number in 0..<1_000 { sink.write(line: line(thread * 1_000 + number)) } }
            }
        }
        let lines = await found
        #expect(Set(lines) == Set((0..<4_000).map { "line \($0)" }) && lines.count == 4_000)
    }

    @Test func aReaderThatIsGoneIsNoMatter() throws {
        let pipe = try SmallPipe()
        let sink = sink(pipe)
        close(pipe.reader)
        for number in 0..<100 { sink.write(line: line(number)) }
        #expect(sink.flush(within: .seconds(20)))
        #expect(sink.lostLines == 100)
    }

    @Test func aNonBlockingDescriptorIsWaitedFor() throws {
        let pipe = try SmallPipe()
        try #require(fcntl(pipe.writer, F_SETFL, O_NONBLOCK) == 0)
        let sink = sink(pipe)
        for number in 0..<2_000 { sink.write(line: line(number)) }
        #expect(pipe.lines(2_000).count == 2_000)
        #expect(sink.lostLines == 0)
    }
}
