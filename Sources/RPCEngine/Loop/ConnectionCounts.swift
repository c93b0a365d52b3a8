/// Open connections, in total and by address. A part of either is kept for connections whose certificate was verified:
/// strangers, which all are until the end of their handshake, can never take every place.
///
/// When all places of strangers are taken, further connections form a crowd in the places that are kept, for the time
/// of their handshake. When these are taken too, one of the crowd has to go for the next, the oldest that has said
/// nothing yet or else the oldest: whoever has a certificate shows it soon, and the others would hold these places by
/// doing nothing.
struct ConnectionCounts {
    /// A connection on its way in.
    struct Newcomer: Equatable {
        let id: UInt64
        let address: UInt64
        let descriptor: Int32
    }

    enum Admission: Equatable {
        case admitted
        /// Only to show a certificate, and soon; `instead` of a connection that has lost its place.
        case toShowCertificate(instead: Newcomer?)
        case refused(String)
    }

    private struct Count {
        var open = 0
        var strangers = 0
    }

    /// Connections that have lost their place and are not closed yet: their loops are told and may be busy.
    static let mostPushedOut = 16

    private let most: Int
    private let mostOfAddress: Int
    private let mostStrangers: Int
    private let mostStrangersOfAddress: Int
    private var total = Count()
    private var byAddress: [UInt64: Count] = [:]
    /// The oldest first; at most the places that are kept.
    private var crowd: [(who: Newcomer, hasSpoken: Bool)] = []
    private var pushedOut = 0

    /// - Parameter percentForVerified: 0 to 100.
    init(most: Int, mostOfAddress: Int, percentForVerified: Int) {
        self.most = most
        self.mostOfAddress = mostOfAddress
        mostStrangers = most - most * percentForVerified / 100
        mostStrangersOfAddress = mostOfAddress - mostOfAddress * percentForVerified / 100
    }

    /// Counts a new connection, a stranger's, unless it is refused.
    mutating func admit(_ newcomer: Newcomer) -> Admission {
        let address = newcomer.address
        var instead: Newcomer?
        if byAddress[address]?.open ?? 0 >= mostOfAddress {
            instead = pushOut { $0.address == address }
            if instead == nil { return .refused("limit of \(mostOfAddress) connections of one address") }
        } else if total.open >= most {
            instead = pushOut { $0.address == address } ?? pushOut { _ in true }
            if instead == nil { return .refused("limit of \(most) connections") }
        }
        let hasPlace = mayStay(address, more: 1)
        add(address, open: 1, strangers: 1)
        if hasPlace, instead == nil { return .admitted }
        crowd.append((newcomer, false))
        return .toShowCertificate(instead: instead)
    }

    /// Takes its place from one of the crowd.
    private mutating func pushOut(_ isMeant: (Newcomer) -> Bool) -> Newcomer? {
        guard pushedOut < Self.mostPushedOut,
            let index = crowd.firstIndex(where: { !$0.hasSpoken && isMeant($0.who) })
                ?? crowd.firstIndex(where: { isMeant($0.who) })
        else { return nil }
        let leaving = crowd.remove(at: index).who
        pushedOut += 1
        add(leaving.address, open: -1, strangers: -1)
        return leaving
    }

    /// One of the crowd has begun its handshake.
    mutating func spoke(_ id: UInt64) {
        if let index = crowd.firstIndex(where: { $0.who.id == id }) { crowd[index].hasSpoken = true }
    }

    /// The end of a handshake in the crowd, or of the connection. False when it has lost its place: it is to be closed,
    /// and then to be given to ``closedWithoutPlace()`` instead of ``release(_:isVerified:)``.
    mutating func leaveCrowd(_ id: UInt64) -> Bool {
        guard let index = crowd.firstIndex(where: { $0.who.id == id }) else { return false }
        crowd.remove(at: index)
        return true
    }

    mutating func closedWithoutPlace() { pushedOut -= 1 }

    /// A connection that was counted has shown a certificate that can be trusted.
    mutating func verified(_ address: UInt64) { add(address, open: 0, strangers: -1) }

    /// Whether a stranger that was admitted to show a certificate, and had none, finds a place among the strangers.
    func mayStay(_ address: UInt64) -> Bool { mayStay(address, more: 0) }

    private func mayStay(_ address: UInt64, more: Int) -> Bool {
        total.strangers + more <= mostStrangers
            && (byAddress[address]?.strangers ?? 0) + more <= mostStrangersOfAddress
    }

    mutating func release(_ address: UInt64, isVerified: Bool) {
        add(address, open: -1, strangers: isVerified ? 0 : -1)
    }

    private mutating func add(_ address: UInt64, open: Int, strangers: Int) {
        total.open += open
        total.strangers += strangers
        var own = byAddress[address] ?? Count()
        own.open += open
        own.strangers += strangers
        byAddress[address] = own.open > 0 ? own : nil
    }
}
