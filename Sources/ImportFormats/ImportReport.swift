/// Rows or fields of the input that became no fact, for one reason.
public struct LeftOut: Sendable, Equatable {
    /// One of them.
    public struct Place: Sendable, Equatable {
        public var file: String
        public var position: FilePosition
        /// What is there, shortened; may be empty.
        public var text: String
    }

    /// Places that are named; the others are counted alone.
    public static let maximumPlaces = 10

    public let reason: String
    /// False for what the kind is meant to leave out, such as lines that are no seats. True for what should not be
    /// there: `ImportOptions.strict` refuses it.
    public let isFault: Bool
    public internal(set) var count: Int
    /// The first ones, in the order of the files.
    public internal(set) var places: [Place]
}

/// What a file held.
public struct ImportReport: Sendable, Equatable {
    public var rows = 0
    /// Things counted, such as `facts` or `products`, in the order of their first mention.
    public private(set) var counts: [(name: String, one: String, count: Int)] = []
    /// Where each name is in `counts`: there may be as many as sellers.
    private var indexOfCount: [String: Int] = [:]
    /// Rows or fields of the input that became no fact, by reason, in the order of their first mention.
    public private(set) var leftOut: [LeftOut] = []
    private var allNotes: [(text: String, isOfFiles: Bool)] = []

    /// Reasons and notes that are kept: some hold text of the file.
    private static let maximumTexts = 100

    public init() {}

    /// What the reader of the figures should know.
    public var notes: [String] { allNotes.map(\.text) }

    /// Those about what the files tell, without those about files and options that only somebody who imports by hand
    /// can do something about.
    public var notesOfContent: [String] { allNotes.filter { !$0.isOfFiles }.map(\.text) }

    /// How many of a name there are.
    public func count(of name: String) -> Int { indexOfCount[name].map { counts[$0].count } ?? 0 }

    /// - Parameter one: the name where it is a single one; nil when it is the same.
    mutating func add(_ name: String, one: String? = nil, _ count: Int = 1) {
        if let index = indexOfCount[name] {
            counts[index].count += count
        } else {
            indexOfCount[name] = counts.count
            counts.append((name, one ?? name, count))
        }
    }

    /// - Parameter place: nil where a place would say nothing, as for fields that no kind reads.
    mutating func leaveOut(_ reason: String, _ count: Int = 1, isFault: Bool = false, at place: LeftOut.Place? = nil) {
        var index = leftOut.firstIndex { $0.reason == reason }
        if index == nil {
            guard leftOut.count < Self.maximumTexts else { return }
            index = leftOut.count
            leftOut.append(LeftOut(reason: reason, isFault: isFault, count: 0, places: []))
        }
        guard let index else { return }
        leftOut[index].count += count
        if let place, leftOut[index].places.count < LeftOut.maximumPlaces { leftOut[index].places.append(place) }
    }

    /// - Parameter isOfFiles: it advises another file or option.
    mutating func note(_ text: String, isOfFiles: Bool = false) {
        guard allNotes.count < Self.maximumTexts, !allNotes.contains(where: { $0.text == text }) else { return }
        allNotes.append((text, isOfFiles))
    }

    /// The first thing that should not be in the files, as a problem; nil when there is none.
    func complaint() -> ImportProblem? {
        let faults = leftOut.filter(\.isFault)
        guard let first = faults.first else { return nil }
        let place = first.places.first
        let total = faults.reduce(0) { $0 + $1.count }
        let others = total > 1 ? " and \(total - 1) more" : ""
        return ImportProblem(
            file: place?.file ?? "", position: place?.position ?? .wholeFile,
            message: "\(first.reason): --strict refuses it\(others)")
    }

    public static func == (left: ImportReport, right: ImportReport) -> Bool {
        left.rows == right.rows && left.allNotes.elementsEqual(right.allNotes, by: ==)
            && left.leftOut == right.leftOut
            && left.counts.elementsEqual(right.counts, by: ==)
    }
}
