import Testing

@testable import Outgoing

struct LimitTests {
    @Test func bodies() async throws {
        let bench = try Bench()
        for path in ["/bytes/100000", "/chunked/100000", "/status/500?bytes=100000"] {
            let failure = try await bench.failure(path) { $0.limits.bodyBytes = 99_999 }
            #expect(failure?.cause == .limit(.bodyBytes(99_999)), "\(path)")
        }
        #expect(try await bench.get("/bytes/100000") { $0.limits.bodyBytes = 100_000 }.body.count == 100_000)
        // 1.6 GB stood behind it: no more was read than the limit and what was under way.
        #expect(try await bench.seen().sent["/chunked/100000", default: 0] < 16 << 20)
    }

    @Test func headers() async throws {
        let bench = try Bench()
        for path in ["/headers/50", "/interim/50", "/trailers/50", "/line/50000", "/line/200000"] {
            let failure = try await bench.failure(path) { $0.limits.headerBytes = 40_000 }
            #expect(failure?.cause == .limit(.headerBytes(40_000)), "\(path)")
        }
        for path in ["/headers/50", "/interim/50", "/trailers/50", "/line/50000"] {
            #expect(try await bench.failure(path) == nil, "\(path)")
        }
        // All the way of redirects counts.
        let around = try await bench.failure("/around") {
            $0.limits.headerBytes = 500
            $0.limits.redirects = 1_000
        }
        #expect(around?.cause == .limit(.headerBytes(500)))
    }

    @Test func times() async throws {
        let bench = try Bench()
        let brief = Duration.milliseconds(400)
        for path in ["/silent", "/stall/10", "/trickle"] {
            let failure = try await bench.failure(path) { $0.limits.totalTime = brief }
            #expect(failure?.cause == .limit(.totalTime(brief)), "\(path)")
        }
        // TLS never comes about, however long the whole may take.
        let mute = try await bench.failure("/", of: .mute) { $0.limits.connectTime = brief }
        #expect(mute?.cause == .limit(.connectTime(brief)))
        #expect(mute?.description == "localhost: no connection within 0.4 seconds")
    }

    @Test func slowness() async throws {
        let bench = try Bench()
        let clock = ContinuousClock()
        let began = clock.now
        for path in ["/silent", "/stall/10"] {
            let failure = try await bench.failure(path) { $0.limits.slowestSeconds = 1 }
            #expect(failure?.cause == .limit(.slowness(bytesPerSecond: 1, seconds: 1)), "\(path)")
        }
        let trickle = try await bench.failure("/trickle") {
            $0.limits.slowestSeconds = 1
            $0.limits.slowestBytesPerSecond = 1_000
        }
        #expect(trickle?.cause == .limit(.slowness(bytesPerSecond: 1_000, seconds: 1)))
        // libcurl looks once a second, at the mean of five.
        #expect(clock.now - began < .seconds(25))
    }

    @Test func onlyTheStatusThatIsWanted() async throws {
        let bench = try Bench()
        // The status says more than the size.
        for path in ["/status/404", "/status/404?bytes=2000000"] {
            #expect(try await bench.failure(path) { $0.onlyStatus = 200 }?.cause == .status(404), "\(path)")
        }
        #expect(try await bench.failure("/status/200?bytes=5") { $0.onlyStatus = 200 } == nil)
    }

    @Test func cutAnswers() async throws {
        let bench = try Bench()
        for path in ["/half", "/half-chunk", "/no-answer"] {
            #expect(try await bench.failure(path)?.cause == .cutShort, "\(path)")
        }
        #expect(try await bench.failure("/garbage") != nil)
    }
}
