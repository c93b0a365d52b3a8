import FactReading
import InsightsAPI
import LicenseModel

/// A fact with the place in the input that it came from.
public struct SourcedFact: Sendable {
    public var fact: PBFact
    public var file: String
    public var position: FilePosition
    /// True for coverage that follows from the whole import: it is sent last, and only once all else has arrived.
    public var isClosing = false
}

/// Takes the facts of a parser: reads each as the server will, so that a bad row is refused before anything is sent and
/// in the server's words, and passes it on with its place.
struct FactSink {
    private let reader: FactReader
    private let maximumFacts: Int
    var file = ""
    private(set) var count = 0
    private let emit: (SourcedFact) throws -> Void

    /// - Parameter today: the last day that activity and coverage may speak about.
    init(today: Day, maximumFacts: Int, emit: @escaping (SourcedFact) throws -> Void) {
        reader = FactReader(today: today)
        self.maximumFacts = maximumFacts
        self.emit = emit
    }

    /// The source has reported through the day.
    ///
    /// - Parameter workloads: codes, for activity alone.
    mutating func addCoverage(
        _ source: PBSource, through day: Day, workloads: [String] = [], options: ImportOptions
    ) throws {
        if options.withoutCoverage { return }
        var fact = PBCoverageFact()
        fact.customerID = options.customerID
        fact.source = source
        fact.through = day.description
        fact.workloadCodes = workloads
        try add(.coverage(fact), at: .wholeFile, isClosing: true)
    }

    mutating func add(_ fact: PBFact.OneOf_Fact, at position: FilePosition, isClosing: Bool = false) throws {
        var message = PBFact()
        message.fact = fact
        try add(message, at: position, isClosing: isClosing)
    }

    mutating func add(_ message: PBFact, at position: FilePosition, isClosing: Bool = false) throws {
        do throws(FieldError) {
            _ = try reader.fact(message)
        } catch {
            throw PositionedProblem(position, error.message)
        }
        count += 1
        guard count <= maximumFacts else {
            throw PositionedProblem(.wholeFile, "the import makes more than \(maximumFacts) facts")
        }
        try emit(SourcedFact(fact: message, file: file, position: position, isClosing: isClosing))
    }
}
