import Synchronization
import Testing

@testable import GraphSync

@Suite(.timeLimit(.minutes(1))) struct StopSignalTests {
    private struct Broken: Error, Equatable {}

    /// Says whether it lives.
    private final class Value: Sendable {
        let lives: Notes<Bool>

        init(_ lives: Notes<Bool>) { self.lives = lives }

        deinit { lives.add(false) }
    }

    @Test func whatTheSignalEndsIsNothing() async throws {
        let stop = StopSignal()
        let waiting = Task { try await stop.cancelable { try await Task.sleep(for: .seconds(3_600)) } }
        try await Task.sleep(for: .milliseconds(20))
        stop.stop()
        #expect(try await waiting.value == nil)
        // And what begins afterwards.
        #expect(try await stop.cancelable { try await Task.sleep(for: .seconds(3_600)) } == nil)
        #expect(try await stop.cancelable { 7 } == 7)
    }

    /// A run that broke is not one that was ended, whatever came in between.
    @Test func anotherFailureStaysOne() async throws {
        let stop = StopSignal()
        await #expect(throws: Broken()) { try await stop.cancelable { throw Broken() } }
        // Nobody stopped it.
        await #expect(throws: CancellationError.self) { try await stop.cancelable { throw CancellationError() } }
        stop.stop()
        await #expect(throws: Broken()) { try await stop.cancelable { throw Broken() } }
    }

    @Test func nothingIsHeldAfterwards() async throws {
        let stop = StopSignal()
        let lives = Notes<Bool>()
        _ = try await stop.cancelable { Value(lives) }
        // The task lets go of it by itself, and may take a moment.
        let end = ContinuousClock.now + .seconds(20)
        while lives.all.isEmpty, .now < end { try await Task.sleep(for: .milliseconds(1)) }
        #expect(lives.all == [false])
    }
}
