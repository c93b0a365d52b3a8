import RPCEngine
import Synchronization

/// How old what a server on a shared store answers may be. It had everything that others wrote up to the moment at
/// which the last question was sent whose answer has been applied to the end. A process that was stopped for a while
/// finds that moment long ago, and so answers nothing before it has asked again.
final class Freshness: Sendable {
    /// Nanoseconds.
    private let bound: UInt64
    private let clock: ServerClock
    /// Nanoseconds of a clock that goes on while the machine sleeps.
    private let asked: Atomic<UInt64>
    /// When the others were last told that this server lives; the greatest number until they are told first.
    private let told = Atomic<UInt64>(.max)

    /// - Parameters:
    ///   - bound: beyond it nothing is answered.
    ///   - asked: when what the server begins with was asked for.
    init(bound: Duration, clock: ServerClock, asked: UInt64) {
        self.bound = bound.nanoseconds
        self.clock = clock
        self.asked = Atomic(asked)
    }

    /// To be taken before a question is sent.
    var now: UInt64 { clock.sleeplessNanoseconds() }

    /// Everything is visible that was written before `moment`.
    func follows(asOf moment: UInt64) {
        // Whoever was silent for longer may be taken for dead: what is changed after the question does not wait for it.
        let told = told.load(ordering: .acquiring)
        guard told == .max || moment <= told || moment - told <= bound else { return }
        asked.max(moment, ordering: .releasing)
    }

    /// Everybody who changes something after `moment` waits for this server, for longer than answers may be old.
    func isWaitedFor(asOf moment: UInt64) {
        told.store(moment, ordering: .releasing)
    }

    /// Nanoseconds by which the answers may be behind.
    var age: UInt64 {
        let (asked, now) = (asked.load(ordering: .acquiring), now)
        return now > asked ? now - asked : 0
    }

    /// Whether nothing may be answered.
    var isStale: Bool { age > bound }
}
