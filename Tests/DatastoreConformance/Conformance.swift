import Datastore
import LicenseModel
import Tenancy

/// What a store did that it must not.
public struct ConformanceFailure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// How the suite gets at an engine.
public struct DatastoreHarness {
    /// An empty store.
    public let make: () throws -> any LicenseDatastore
    /// Closes the store and opens what it left behind.
    public let reopen: (any LicenseDatastore) throws -> any LicenseDatastore
    /// One more server on the store; nil for an engine that one server has alone.
    public let connect: ((any LicenseDatastore) throws -> any LicenseDatastore)?
    /// Has the store drop now what of the log it may drop at some time.
    public let dropLog: (any LicenseDatastore) throws -> Void

    public init(
        make: @escaping () throws -> any LicenseDatastore,
        reopen: @escaping (any LicenseDatastore) throws -> any LicenseDatastore,
        connect: ((any LicenseDatastore) throws -> any LicenseDatastore)? = nil,
        dropLog: @escaping (any LicenseDatastore) throws -> Void = { _ in }
    ) {
        self.make = make
        self.reopen = reopen
        self.connect = connect
        self.dropLog = dropLog
    }

    /// What the engine is compared with.
    func makeReference() -> InMemoryDatastore { connect == nil ? InMemoryDatastore() : .shared() }
}

/// What every engine must do. Each check makes its own store and throws at the first thing that is wrong.
public enum ConformanceCheck: String, CaseIterable, Sendable {
    case emptyStore
    case committedBatchesComeBackInOrder
    case gapsAreRefused
    case onlyBatchesAreCommitted
    case duplicatesAreRefusedWhole
    case receiptsStay
    case turnsTellWhatWasAcceptedBefore
    case turnsThatThrowLeaveNothing
    case turnsOfEverythingAreAllOrNone
    case emptyTurnsWriteNothing
    case positionsOfAnotherLogAreTold
    case foldedStateComesBack
    case foldsOutsideTheLogAreRefused
    case accessChangesStay
    case accessStaysInScope
    case changesTogetherAreAllOrNone
    case createdPartnersMakeRevisions
    case erasureFolds
    case erasureTouchesNobodyElse
    case erasureOutOfOrderIsRefused
    case errorsOfTheReaderComeThrough
    case largeBodies
    case randomOperationsMatchTheReference
    case readsBesideWrites
    case closedStoresRefuse

    public func run(on harness: DatastoreHarness) throws {
        switch self {
        case .emptyStore: try emptyStore(harness)
        case .committedBatchesComeBackInOrder: try committedBatchesComeBackInOrder(harness)
        case .gapsAreRefused: try gapsAreRefused(harness)
        case .onlyBatchesAreCommitted: try onlyBatchesAreCommitted(harness)
        case .duplicatesAreRefusedWhole: try duplicatesAreRefusedWhole(harness)
        case .receiptsStay: try receiptsStay(harness)
        case .turnsTellWhatWasAcceptedBefore: try turnsTellWhatWasAcceptedBefore(harness)
        case .turnsThatThrowLeaveNothing: try turnsThatThrowLeaveNothing(harness)
        case .turnsOfEverythingAreAllOrNone: try turnsOfEverythingAreAllOrNone(harness)
        case .emptyTurnsWriteNothing: try emptyTurnsWriteNothing(harness)
        case .positionsOfAnotherLogAreTold: try positionsOfAnotherLogAreTold(harness)
        case .foldedStateComesBack: try foldedStateComesBack(harness)
        case .foldsOutsideTheLogAreRefused: try foldsOutsideTheLogAreRefused(harness)
        case .accessChangesStay: try accessChangesStay(harness)
        case .accessStaysInScope: try accessStaysInScope(harness)
        case .changesTogetherAreAllOrNone: try changesTogetherAreAllOrNone(harness)
        case .createdPartnersMakeRevisions: try createdPartnersMakeRevisions(harness)
        case .erasureFolds: try erasureFolds(harness)
        case .erasureTouchesNobodyElse: try erasureTouchesNobodyElse(harness)
        case .erasureOutOfOrderIsRefused: try erasureOutOfOrderIsRefused(harness)
        case .errorsOfTheReaderComeThrough: try errorsOfTheReaderComeThrough(harness)
        case .largeBodies: try largeBodies(harness)
        case .randomOperationsMatchTheReference: try randomOperationsMatchTheReference(harness)
        case .readsBesideWrites: try readsBesideWrites(harness)
        case .closedStoresRefuse: try closedStoresRefuse(harness)
        }
    }
}

/// Everything that a store gives back.
public struct Recovered: Equatable {
    public var folds: BucketFolds
    /// In the order of buckets.
    public var states: [StateRow] = []
    public var log: [LogEntry] = []
    public var revision = Revision.none

    public init(_ store: any LicenseDatastore) throws {
        var folds = BucketFolds(count: store.buckets)
        var states: [[StateRow]] = Array(repeating: [], count: store.buckets)
        var told: [Int] = []
        var log: [LogEntry] = []
        revision = try store.recover(for: try Grants.operator()) { bucket, through in
            told.append(bucket)
            folds[bucket] = through
        } state: {
            states[told.last ?? 0].append($0)
        } entry: {
            log.append($0)
        }.revision
        try require(told.sorted() == Array(0..<store.buckets), "not every bucket is told once")
        self.folds = folds
        self.states = states.flatMap { $0 }
        self.log = log
    }
}

public func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    if !condition { throw ConformanceFailure(message()) }
}

/// Runs `body` and throws unless it ends with exactly `error`.
public func requireRefusal(_ error: DatastoreError, _ body: () throws -> Void) throws {
    do {
        try body()
    } catch let thrown as DatastoreError {
        try require(thrown == error, "refused with \(thrown), not with \(error)")
        return
    }
    throw ConformanceFailure("not refused with \(error)")
}

/// Batches whose content follows from their revision.
public enum SampleBatches {
    public static func entry(_ number: Int64, facts count: Int = 5) throws -> LogEntry {
        let facts = try facts(number, count: count)
        return .batch(
            try BatchID("batch-\(number)"), revision: Revision(number: number), accepted: facts.count,
            digest: try digest(number), body: FactBatchCodec.encode(facts))
    }

    public static func facts(_ number: Int64, count: Int = 5) throws -> [Fact] {
        var source = RandomFacts(seed: UInt64(bitPattern: number))
        return try source.batch(count: count)
    }

    public static func digest(_ number: Int64) throws -> ContentDigest {
        var random = SeededGenerator(seed: UInt64(bitPattern: number))
        let bytes = (0..<ContentDigest.length).map { _ in UInt8.random(in: 0...255, using: &random) }
        guard let digest = ContentDigest(bytes) else { throw ConformanceFailure("32 bytes are no digest") }
        return digest
    }

    public static func entries(_ numbers: ClosedRange<Int64>) throws -> [LogEntry] {
        try numbers.map { try entry($0) }
    }
}
