/// `grpc-timeout`: one to eight digits and a unit.
enum Timeout {
    /// Nanoseconds, or nil when the value is not what the protocol allows.
    static func parse(_ value: UnsafeBufferPointer<UInt8>) -> UInt64? {
        guard value.count >= 2, value.count <= 9 else { return nil }
        var number: UInt64 = 0
        for digit in value.dropLast() {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            number = number * 10 + UInt64(digit - 0x30)
        }
        // Eight digits of hours are 3.6e20 ns: more than 64 bits hold, so the product saturates.
        let unit: UInt64
        switch value[value.count - 1] {
        case UInt8(ascii: "H"): unit = 3_600_000_000_000
        case UInt8(ascii: "M"): unit = 60_000_000_000
        case UInt8(ascii: "S"): unit = 1_000_000_000
        case UInt8(ascii: "m"): unit = 1_000_000
        case UInt8(ascii: "u"): unit = 1_000
        case UInt8(ascii: "n"): unit = 1
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? UInt64.max / 4 : min(product, .max / 4)
    }
}

/// Deadlines of running calls: a hashed wheel of 512 slots of about 4 ms, so that arming and disarming, which every
/// call does, cost a few instructions. A deadline further away than one turn waits in its slot for its turn to come.
struct DeadlineWheel {
    private static let slotCount = 512
    private static let tickShift: UInt64 = 22

    private var slots: [Stream?] = Array(repeating: nil, count: slotCount)
    private var current: UInt64 = 0
    private(set) var armed = 0
    /// No slot before this tick holds anything. May be too early after a disarm, never too late.
    private var nextTick: UInt64 = .max

    mutating func arm(_ stream: Stream, at deadline: UInt64) {
        disarm(stream)
        // Rounded up: never early. A deadline in the past goes to the slot that is looked at next.
        let tick = max((deadline >> Self.tickShift) &+ 1, current &+ 1)
        let index = Int(tick % UInt64(Self.slotCount))
        stream.timerDeadline = deadline
        stream.timerSlot = index
        stream.timerPrevious = nil
        stream.timerNext = slots[index]
        slots[index]?.timerPrevious = stream
        slots[index] = stream
        armed += 1
        nextTick = min(nextTick, tick > current &+ UInt64(Self.slotCount) ? current &+ 1 : tick)
    }

    mutating func disarm(_ stream: Stream) {
        guard stream.timerSlot >= 0 else { return }
        if let previous = stream.timerPrevious {
            previous.timerNext = stream.timerNext
        } else {
            slots[stream.timerSlot] = stream.timerNext
        }
        stream.timerNext?.timerPrevious = stream.timerPrevious
        stream.timerNext = nil
        stream.timerPrevious = nil
        stream.timerSlot = -1
        armed -= 1
    }

    /// Streams whose deadline has passed, taken off the wheel.
    mutating func expired(now: UInt64) -> [Stream] {
        let tick = now >> Self.tickShift
        guard tick > current else { return [] }
        guard armed > 0, tick >= nextTick else {
            if armed == 0 { nextTick = .max }
            current = tick
            return []
        }
        var due: [Stream] = []
        // After a pause longer than a turn, one look at every slot is enough.
        var step = tick &- current > UInt64(Self.slotCount) ? tick &- UInt64(Self.slotCount) : current
        while step < tick {
            step &+= 1
            var stream = slots[Int(step % UInt64(Self.slotCount))]
            while let candidate = stream {
                stream = candidate.timerNext
                if candidate.timerDeadline <= now {
                    disarm(candidate)
                    due.append(candidate)
                }
            }
        }
        current = tick
        nextTick = firstOccupiedTick()
        return due
    }

    private func firstOccupiedTick() -> UInt64 {
        guard armed > 0 else { return .max }
        for ahead in 1...UInt64(Self.slotCount) where slots[Int((current &+ ahead) % UInt64(Self.slotCount))] != nil {
            return current &+ ahead
        }
        return .max
    }

    /// Milliseconds until something could be due; nil when nothing is armed.
    func wait(now: UInt64) -> Int32? {
        guard armed > 0, nextTick < .max else { return nil }
        let moment = nextTick << Self.tickShift
        return Int32(truncatingIfNeeded: (moment &- min(now, moment)) / 1_000_000 + 1)
    }
}
