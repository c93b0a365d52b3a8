import Synchronization
import Testing

@testable import GraphSync

@Suite(.timeLimit(.minutes(1))) struct TenantTokensTests {
    /// A tenant whose requests for tokens are numbered from 1.
    private func access(_ request: @escaping @Sendable (Int) async throws -> AccessToken) -> TenantAccess {
        let counter = Counter()
        return TenantAccess(tenant: "t", priority: 0, limit: 4) { _ in try await request(counter.next()) }
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)

        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    private func token(_ number: Int, for life: Duration = .seconds(3_600)) -> AccessToken {
        AccessToken(value: "\(number)", end: .now + life)
    }

    private func ask(_ access: TenantAccess) -> Task<String, any Error> {
        Task.immediate { try await access.tokens.token(for: access) }
    }

    private func eventually(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test func oneRequestForAll() async throws {
        let door = Door()
        let access = access { number in
            await door.wait()
            return token(number)
        }
        let callers = (0..<50).map { _ in ask(access) }
        try await Task.sleep(for: .milliseconds(20))
        door.open()
        for caller in callers { #expect(try await caller.value == "1") }
        #expect(try await ask(access).value == "1")
    }

    @Test func oneThatIsOverIsAskedForAnew() async throws {
        let access = access { number in token(number, for: number < 3 ? .zero : .seconds(3_600)) }
        for expected in ["1", "2", "3", "3"] { #expect(try await ask(access).value == expected) }
    }

    @Test func oneThatIsRefusedIsAskedForAnew() async throws {
        let access = access { token($0) }
        #expect(try await ask(access).value == "1")
        await access.tokens.drop("another")
        #expect(try await ask(access).value == "1")
        await access.tokens.drop("1")
        #expect(try await ask(access).value == "2")
        // Somebody else was refused with the first one too.
        await access.tokens.drop("1")
        #expect(try await ask(access).value == "2")
    }

    /// Whoever comes back late brings no token back that a server has refused meanwhile.
    @Test func whatWasRefusedStaysAway() async throws {
        for _ in 0..<50 {
            let door = Door()
            let access = access { number in
                if number == 1 { await door.wait() }
                return token(number)
            }
            let callers = (0..<20).map { _ in
                Task.immediate {
                    let first = try await access.tokens.token(for: access)
                    await access.tokens.drop("1")
                    return (first, try await access.tokens.token(for: access))
                }
            }
            door.open()
            for caller in callers {
                let (_, second) = try await caller.value
                #expect(second == "2")
            }
        }
    }

    @Test func aFailureIsNotKept() async throws {
        let failure = SourceFailure(.connection, "once")
        let access = access { number in
            if number == 1 { throw failure }
            return token(number)
        }
        await #expect(throws: failure) { try await ask(access).value }
        #expect(try await ask(access).value == "2")
    }

    /// One of several requests of a customer that fails cancels its neighbors; others wait for the same token.
    @Test func whoIsCanceledTakesItFromNobody() async throws {
        let door = Door()
        let begun = Notes<Int>()
        let access = access { number in
            begun.add(number)
            await door.wait()
            try Task.checkCancellation()
            return token(number)
        }
        let patient = ask(access)
        try await eventually { !begun.all.isEmpty }
        let callers = (0..<20).map { _ in ask(access) }
        try await Task.sleep(for: .milliseconds(20))
        for caller in callers { caller.cancel() }
        door.open()
        #expect(try await patient.value == "1")
        #expect(begun.all == [1])
    }

    @Test func theLastOneEndsTheRequest() async throws {
        let begun = Notes<Int>()
        let ended = Notes<Int>()
        let linger = Door()
        let access = access { number in
            begun.add(number)
            guard number == 1 else { return token(number) }
            do {
                try await Task.sleep(for: .seconds(3_600))
            } catch {
                ended.add(number)
                await linger.wait()
                throw error
            }
            return token(number)
        }
        let callers = (0..<5).map { _ in ask(access) }
        try await eventually { !begun.all.isEmpty }
        for caller in callers { caller.cancel() }
        try await eventually { !ended.all.isEmpty }
        // Nobody waits for what was canceled, though it is not over yet.
        #expect(try await ask(access).value == "2")
        linger.open()
        for caller in callers { await #expect(throws: CancellationError.self) { try await caller.value } }
        #expect(try await ask(access).value == "2")
    }

    @Test func thePlaceInTheListMayChange() {
        let access = access { token($0) }
        #expect(access.priority == 0)
        access.setPriority(7)
        #expect(access.priority == 7)
    }

    @Test func pausesHoldBackAllRequestsOfTheTenant() async throws {
        let access = access { token($0) }
        try await access.waitWhileHeld()
        let began = ContinuousClock.now
        access.hold(for: .milliseconds(200))
        // A shorter one does not shorten it.
        access.hold(for: .milliseconds(1))
        try await access.waitWhileHeld()
        #expect(.now - began >= .milliseconds(200))
        access.hold(for: .seconds(3_600))
        let waiting = Task { try await access.waitWhileHeld() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }
}

struct TokenAnswerTests {
    private func life(_ text: String) -> Duration? {
        TokenAnswer(Array(text.utf8)).map { $0.accessToken.end - .now }
    }

    @Test(arguments: [
        (#"{"access_token":"t","expires_in":3599}"#, 3_299), (#"{"access_token":"t","expires_in":"3599"}"#, 3_299),
        (#"{"access_token":"t","expires_in":300}"#, 0), (#"{"access_token":"t","expires_in":299}"#, 0),
        (#"{"access_token":"t"}"#, 0), (#"{"access_token":"t","expires_in":"soon"}"#, 0),
        (#"{"access_token":"t","expires_in":-9223372036854775808}"#, 0),
        (#"{"access_token":"t","expires_in":"-9223372036854775808"}"#, 0),
        (#"{"access_token":"t","expires_in":9223372036854775807}"#, 86_400),
        // Not whole, or larger than any whole number.
        (#"{"access_token":"t","expires_in":3599.9}"#, 3_300), (#"{"access_token":"t","expires_in":"3599.9"}"#, 3_300),
        (#"{"access_token":"t","expires_in":3.599e3}"#, 3_299), (#"{"access_token":"t","expires_in":1e300}"#, 86_400),
        (#"{"access_token":"t","expires_in":-1e300}"#, 0), (#"{"access_token":"t","expires_in":"1e300"}"#, 86_400),
        (#"{"access_token":"t","expires_in":99999999999999999999}"#, 86_400),
        (#"{"access_token":"t","expires_in":"inf"}"#, 86_400), (#"{"access_token":"t","expires_in":"nan"}"#, 0),
        (#"{"access_token":"t","expires_in":true}"#, 0), (#"{"access_token":"t","expires_in":[3599]}"#, 0),
    ])
    func fiveMinutesBeforeItsEnd(_ body: String, _ seconds: Int) throws {
        let left = try #require(life(body))
        #expect(left <= .seconds(seconds) && left > .seconds(seconds - 30))
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"access_token":""}"#, #"{"access_token":7}"#, #"{"access_token":"a b"}"#,
        #"{"access_token":"a\r\nX: b"}"#, #"{"access_token":"é"}"#, #"{"access_token":"\u0000"}"#,
        #"{"access_token":"\#(String(repeating: "x", count: 65_537))"}"#,
    ])
    func whatIsNoToken(_ body: String) {
        #expect(TokenAnswer(Array(body.utf8)) == nil)
    }
}
