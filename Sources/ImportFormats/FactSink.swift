import InsightsAPI

/// A fact with the place in the input that it came from.
public struct SourcedFact: Sendable {
    public var fact: PBFact
    public var file: String
    public var position: FilePosition
    /// True for coverage that follows from the whole import: it is sent last, and only once all else has arrived.
    public var isClosing = false
}

/// Takes the facts of a parser: checks each against the contract's bounds, so that a bad row is refused before
/// anything is sent, and passes it on with its place.
struct FactSink {
    /// The last day that a fact may speak about.
    let today: String
    let maximumFacts: Int
    var file = ""
    private(set) var count = 0
    private let emit: (SourcedFact) throws -> Void

    init(today: String, maximumFacts: Int, emit: @escaping (SourcedFact) throws -> Void) {
        self.today = today
        self.maximumFacts = maximumFacts
        self.emit = emit
    }

    /// The source has reported through the day.
    mutating func addCoverage(_ source: PBSource, through day: String, options: ImportOptions) throws {
        if options.withoutCoverage { return }
        var fact = PBCoverageFact()
        fact.customerID = options.customerID
        fact.source = source
        fact.through = day
        try add(.coverage(fact), at: .wholeFile, isClosing: true)
    }

    mutating func add(_ fact: PBFact.OneOf_Fact, at position: FilePosition, isClosing: Bool = false) throws {
        if let complaint = FactCheck(today: today).complaint(about: fact) {
            throw PositionedProblem(position, complaint)
        }
        count += 1
        guard count <= maximumFacts else {
            throw PositionedProblem(.wholeFile, "the import makes more than \(maximumFacts) facts")
        }
        var message = PBFact()
        message.fact = fact
        try emit(SourcedFact(fact: message, file: file, position: position, isClosing: isClosing))
    }
}
