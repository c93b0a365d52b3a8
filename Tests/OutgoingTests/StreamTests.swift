import Synchronization
import Testing
import Threads

@testable import Outgoing

struct StreamTests {
    private func streaming(_ bench: Bench, _ path: String) throws -> HTTPSRequest {
        var request = try bench.request(path)
        request.limits.bodyBytes = 1 << 30
        request.limits.totalTime = .seconds(120)
        return request
    }

    @Test func arrivesWholeAndInOrder() async throws {
        let bench = try Bench()
        for path in ["/bytes/20000000", "/chunked/1200"] {
            let answer = try await bench.client.stream(try streaming(bench, path), capacity: 50_000)
            #expect(answer.head.status == 200)
            var count = 0
            while let piece = try await answer.next() { count += piece.count }
            #expect(count == (path == "/bytes/20000000" ? 20_000_000 : 1_200 * 16_384))
            #expect(try await answer.next() == nil)
        }
    }

    /// A reader that does not read stops the server, however long: no limit of slowness ends it, and what waits here
    /// stays small. A second transfer goes on beside it.
    @Test func aSlowReaderHoldsTheServer() async throws {
        let bench = try Bench()
        let path = "/bytes/200000000"
        var request = try streaming(bench, path)
        request.limits.slowestSeconds = 1
        let answer = try await bench.client.stream(request, capacity: 100_000)
        var count = try await answer.next()?.count ?? 0
        try await Task.sleep(for: .seconds(3))
        // What sockets hold on both sides.
        let early = try await bench.seen().sent[path, default: 0]
        #expect(early < 16 << 20)
        #expect(try await bench.get("/status/200").status == 200)
        while let piece = try await answer.next() { count += piece.count }
        #expect(count == 200_000_000)
    }

    @Test func aLimitEndsIt() async throws {
        let bench = try Bench()
        var request = try streaming(bench, "/chunked/1000")
        request.limits.bodyBytes = 1_000_000
        request.limits.totalTime = nil
        let answer = try await bench.client.stream(request)
        var count = 0
        await #expect(throws: OutgoingError(host: "localhost", cause: .limit(.bodyBytes(1_000_000)), detail: nil)) {
            while let piece = try await answer.next() { count += piece.count }
        }
        #expect(count <= 1_000_000)
    }

    @Test func aCutIsNoEnd() async throws {
        let bench = try Bench()
        let answer = try await bench.client.stream(try streaming(bench, "/half"))
        #expect(try await answer.next() == Array("xxxxx".utf8))
        await #expect(throws: OutgoingError.self) { try await answer.next() }
    }

    @Test func lettingGoCancels() async throws {
        let bench = try Bench()
        do {
            let answer = try await bench.client.stream(try streaming(bench, "/chunked/1000000"))
            #expect(try await answer.next() != nil)
        }
        #expect(try await bench.eventually { try await bench.seen().hung_up["name"] == 1 })
    }
}

struct EndTests {
    @Test func canceledTasks() async throws {
        let bench = try Bench()
        let clock = ContinuousClock()
        let began = clock.now
        let whole = Task { try await bench.failure("/silent") }
        let head = Task {
            do {
                _ = try await bench.client.stream(try bench.request("/silent"))
                return nil as OutgoingError?
            } catch let error as OutgoingError {
                return error
            }
        }
        try await Task.sleep(for: .milliseconds(200))
        whole.cancel()
        head.cancel()
        #expect(try await whole.value?.cause == .canceled)
        #expect(try await head.value?.cause == .canceled)
        // Before it began.
        let never = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await bench.failure("/silent")
        }
        never.cancel()
        #expect(try await never.value?.cause == .canceled)
        #expect(clock.now - began < .seconds(10))
        #expect(try await bench.seen().requests.filter { $0.path == "/silent" }.count == 2)
    }

    @Test func cancellationsFromAnywhere() async throws {
        let bench = try Bench()
        let causes = Mutex<[OutgoingError.Cause?]>([])
        let transfers = try (0..<100).map { number in
            bench.client.send(try bench.request(number % 2 == 0 ? "/late/1000" : "/chunked/1000000")) { result in
                let cause: OutgoingError.Cause? = if case .failure(let error) = result { error.cause } else { nil }
                causes.withLock { $0.append(cause) }
            }
        }
        for transfer in transfers {
            transfer.cancel()
            transfer.cancel()
            transfer.resume()
        }
        #expect(try await bench.eventually { causes.withLock { $0.count } == 100 })
        #expect(causes.withLock { $0.allSatisfy { $0 == .canceled || $0 == .limit(.bodyBytes(1_048_576)) } })
        #expect(try await bench.get("/status/200").status == 200)
    }

    @Test func shutDownEndsEverything() async throws {
        let bench = try Bench()
        let running = (0..<10).map { _ in Task { try await bench.failure("/silent") } }
        #expect(
            try await bench.eventually {
                try await bench.seen().requests.filter { $0.path == "/silent" }.count == 10
            })
        bench.client.shutDown()
        for task in running { #expect(try await task.value?.cause == .unavailable) }
        #expect(try await bench.failure("/status/200")?.cause == .unavailable)
        bench.client.shutDown()
    }

    /// Whoever waits for a thread that cannot be had is told so; the next request tries again.
    @Test func noThreadIsLeft() async throws {
        let bench = try Bench()
        let attempts = Mutex(0)
        let client = HTTPSClient { run in
            let attempt = attempts.withLock { attempts in
                attempts += 1
                return attempts
            }
            return attempt > 1 && BackgroundThread.start(run)
        }
        let request = try bench.request("/status/200")
        let failure = await #expect(throws: OutgoingError.self) { try await client.send(request) }
        #expect(failure?.cause == .unavailable)
        #expect(try await client.send(request).status == 200)
        #expect(try await client.send(request).status == 200)
        #expect(attempts.withLock { $0 } == 2)
    }

    /// The last that is heard of a client is the end of its requests.
    @Test func aClientThatGoesAway() async throws {
        let bench = try Bench()
        let cause = Mutex<OutgoingError.Cause?>(nil)
        do {
            let client = HTTPSClient()
            client.send(try bench.request("/silent")) { result in
                if case .failure(let error) = result { cause.withLock { $0 = error.cause } }
            }
        }
        #expect(try await bench.eventually { cause.withLock { $0 } == .unavailable })
    }
}
