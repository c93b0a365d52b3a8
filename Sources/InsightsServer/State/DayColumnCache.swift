import InsightsCore
import LicenseModel
import Synchronization
import Tenancy

/// What was computed of whole portfolios lately, by partner and day, so that the next page, list or caller does not
/// compute it again.
///
/// Only saves work: every answer is made by the caller's own book, which takes over no more than the values that its
/// own facts would give, refuses what belongs to another partner or day, and may be of any revision. Nobody's name or
/// id is in here, so an erased person is not either.
final class DayColumnCache: Sendable {
    /// In each of two generations, in bytes of their entries: columns live in the young one while they are used, and
    /// go with the old one when the young one is full.
    private let limit: Int
    private let state = Mutex(State())

    private struct Key: Hashable {
        let partner: PartnerID
        let day: Day
        let kind: Kind
        /// Of the book's facts: with another one a revision says nothing about them.
        let history: Int

        init(_ book: PartnerBook, _ day: Day, _ kind: Kind) {
            partner = book.partnerID
            self.day = day
            self.kind = kind
            history = book.history
        }
    }

    private enum Kind: Hashable {
        case figures
        case classes
        case advice(LicenseReach)
    }

    private enum Column: Sendable {
        case figures(DayFigures)
        case classes(DayClasses)
        case advice(DayAdvice)

        /// With something for the column itself, so that many small ones are bounded too.
        var bytes: Int {
            switch self {
            case .figures(let column): column.bytes + 1_024
            case .classes(let column): column.bytes + 1_024
            case .advice(let column): column.bytes + 1_024
            }
        }
    }

    private struct State {
        var young: [Key: Column] = [:]
        var old: [Key: Column] = [:]
        /// Of the young ones.
        var bytes = 0
    }

    /// 32 MiB a generation hold the figures of 250,000 customers and days, or the advice of 120,000.
    init(limit: Int = 32 << 20) {
        self.limit = limit
    }

    func figures(of book: PartnerBook, on day: Day) -> DayFigures {
        let key = Key(book, day, .figures)
        var known: DayFigures?
        if case .figures(let column) = find(key) { known = column }
        let column = book.dayFigures(on: day, reusing: known)
        keep(.figures(column), for: key)
        return column
    }

    func classes(of book: PartnerBook, on day: Day) -> DayClasses {
        let key = Key(book, day, .classes)
        var known: DayClasses?
        if case .classes(let column) = find(key) { known = column }
        let column = book.dayClasses(on: day, reusing: known)
        keep(.classes(column), for: key)
        return column
    }

    func advice(of book: PartnerBook, on day: Day, thresholds: AdviceThresholds) -> DayAdvice {
        let key = Key(book, day, .advice(book.reach))
        var known: DayAdvice?
        if case .advice(let column) = find(key) { known = column }
        let column = book.dayAdvice(
            on: day, thresholds: thresholds, classes: classes(of: book, on: day), reusing: known)
        keep(.advice(column), for: key)
        return column
    }

    /// What is held in both generations.
    var bytes: Int {
        state.withLock { state in (state.young.values.map(\.bytes) + state.old.values.map(\.bytes)).reduce(0, +) }
    }

    private func find(_ key: Key) -> Column? {
        state.withLock { $0.young[key] ?? $0.old[key] }
    }

    private func keep(_ column: Column, for key: Key) {
        guard column.bytes <= limit else { return }
        let dropped = state.withLock { state in
            var dropped: [Column] = []
            if let known = state.young.removeValue(forKey: key) {
                state.bytes -= known.bytes
                dropped.append(known)
            }
            if let known = state.old.removeValue(forKey: key) { dropped.append(known) }
            if state.bytes + column.bytes > limit {
                dropped += state.old.values
                state.old = state.young
                state.young = [:]
                state.bytes = 0
            }
            state.young[key] = column
            state.bytes += column.bytes
            return dropped
        }
        // Released outside the lock: freeing them may take long.
        _ = dropped.count
    }
}
