import Cryptography
import InsightsAPI
import SwiftProtobuf

/// One batch of an import, with the place that each of its facts came from.
public struct ImportBatch: Sendable {
    public var request: PBIngestRequest
    public var origins: [FactOrigin]
    /// True for the last batch, which holds the coverage that follows from the whole import.
    public var isClosing: Bool
}

/// Where a fact came from.
public struct FactOrigin: Sendable, Equatable {
    public var file: String
    public var position: FilePosition
}

/// What a first reading found: the whole input is well formed.
public struct ImportInspection: Sendable {
    public var report: ImportReport
    /// Facts and their bytes, without coverage.
    public var facts: Int
    public var bytes: Int
    /// The day through which the import makes a source report, if it does.
    public var coverage: [PBCoverageFact]
    /// The first day from which a subscription's row holds; empty without one.
    public var firstSubscriptionDay: String
    let digest: [UInt8]
    let findings: ImportFindings

    func fitsOneBatch(_ limits: ImportLimits) -> Bool {
        facts <= limits.singleBatchFacts && bytes <= limits.singleBatchBytes
    }
}

/// An import of one or more files of one kind. The files are read twice: `inspect` checks everything and sends
/// nothing; `makeBatches` reads again and hands over batches, so that memory does not grow with the input. What a row
/// means may hang on the whole file; then `inspect` reads once more (`ImportFindings`).
public struct ImportPlan: Sendable {
    public let kind: ImportKind
    public let files: [InputFile]
    public let options: ImportOptions

    public init(kind: ImportKind, files: [InputFile], options: ImportOptions) {
        self.kind = kind
        self.files = files
        self.options = options
    }

    /// Reads everything and reports what is there. Throws `ImportProblem` for the first thing that is wrong.
    public func inspect() throws -> ImportInspection {
        var inspection = try inspect(with: ImportFindings())
        if inspection.findings != ImportFindings() { inspection = try inspect(with: inspection.findings) }
        if options.strict, var complaint = inspection.report.complaint() {
            if complaint.file.isEmpty { complaint.file = files.first?.name ?? "" }
            throw complaint
        }
        return inspection
    }

    private func inspect(with findings: ImportFindings) throws -> ImportInspection {
        var facts = 0
        var bytes = 0
        var coverage = [PBCoverageFact]()
        var firstDay = ""
        let hash = RunningDigest(.sha256)
        let importer = try parse(with: findings) { sourced in
            // Days as `YYYY-MM-DD` are in the order of their texts.
            if case .subscription(let row) = sourced.fact.fact, firstDay.isEmpty || row.effectiveDate < firstDay {
                firstDay = row.effectiveDate
            }
            let data = try Self.serialized(sourced.fact)
            hash.update(data)
            if sourced.isClosing {
                coverage.append(sourced.fact.coverage)
                return
            }
            guard data.count <= options.limits.singleBatchBytes else {
                throw PositionedProblem(
                    sourced.position, "one fact is of \(data.count) bytes, more than a batch may hold")
            }
            facts += 1
            bytes += Self.framed(data.count)
        }
        return ImportInspection(
            report: importer.report, facts: facts, bytes: bytes, coverage: coverage,
            firstSubscriptionDay: firstDay, digest: hash.finish(), findings: importer.findings)
    }

    /// Reads again and hands over the batches in order, the closing one last. A batch's id follows from its content,
    /// so that importing the same files again changes nothing. Throws `ImportProblem` when a file has changed since.
    public func makeBatches(_ inspection: ImportInspection, emit: @escaping (ImportBatch) throws -> Void) throws {
        var batcher = Batcher(plan: self, isSingle: inspection.fitsOneBatch(options.limits))
        let hash = RunningDigest(.sha256)
        _ = try parse(with: inspection.findings) { sourced in
            let data = try Self.serialized(sourced.fact)
            hash.update(data)
            try batcher.add(sourced, data: data, emit: emit)
        }
        guard hash.finish() == inspection.digest else {
            throw ImportProblem(
                file: files.first?.name ?? "", position: .wholeFile,
                message: "the file has changed while it was imported; import it again")
        }
        try batcher.finish(emit: emit)
    }

    /// A digest of the facts in whatever order: of two imports of the same rows it is the same.
    public func contentDigest(_ inspection: ImportInspection) throws -> String {
        // Sums of digests as numbers, lane by lane.
        var sums = [UInt64](repeating: 0, count: 4)
        _ = try parse(with: inspection.findings) { sourced in
            let digest = DigestAlgorithm.sha256.digest(of: try Self.serialized(sourced.fact))
            for (index, byte) in digest.enumerated() {
                sums[index / 8] &+= UInt64(byte) << (UInt64(index % 8) * 8)
            }
        }
        return sums.map { String($0, radix: 16) }.joined(separator: "-")
    }

    private func parse(
        with findings: ImportFindings, emit: @escaping (SourcedFact) throws -> Void
    ) throws -> any FactImporter {
        var importer = makeImporter(findings)
        var sink = FactSink(today: options.today, maximumFacts: options.limits.maximumFacts, emit: emit)
        var file = files.first?.name ?? ""
        do {
            for input in files {
                file = input.name
                try importer.read(input, into: &sink)
            }
            try importer.finish(into: &sink)
        } catch let problem as PositionedProblem {
            throw ImportProblem(file: file, position: problem.position, message: problem.message)
        }
        return importer
    }

    private func makeImporter(_ findings: ImportFindings) -> any FactImporter {
        switch kind {
        case .skuTable: SkuTableImporter(options: options)
        case .graphSubscribedSkus: GraphSubscribedSkusImporter(options: options)
        case .graphSubscriptions: GraphSubscriptionsImporter(options: options, known: findings)
        case .graphUsers: GraphUsersImporter(options: options)
        case .graphActiveUsers: GraphActiveUsersImporter(options: options, known: findings)
        case .partnerSubscriptions: PartnerSubscriptionsImporter(options: options)
        case .facts: FactLinesImporter(options: options)
        }
    }

    private static func serialized(_ fact: PBFact) throws -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        do {
            return try fact.serializedBytes(options: options)
        } catch {
            throw PositionedProblem(.wholeFile, "a fact cannot be encoded")
        }
    }

    /// Bytes of a fact inside a request: a tag, a length of up to five bytes, and itself.
    static func framed(_ bytes: Int) -> Int { bytes + 6 }
}

/// Cuts a run of facts into batches.
private struct Batcher {
    private let plan: ImportPlan
    private let maximumFacts: Int
    private let maximumBytes: Int
    private var facts = [PBFact]()
    private var origins = [FactOrigin]()
    private var bytes = 0
    private let hash = RunningDigest(.sha256)
    private var index = 0
    private var closing = [(SourcedFact, [UInt8])]()

    init(plan: ImportPlan, isSingle: Bool) {
        self.plan = plan
        let limits = plan.options.limits
        maximumFacts = isSingle ? limits.singleBatchFacts : limits.batchFacts
        maximumBytes = isSingle ? limits.singleBatchBytes : limits.batchBytes
    }

    mutating func add(_ sourced: SourcedFact, data: [UInt8], emit: (ImportBatch) throws -> Void) throws {
        if sourced.isClosing {
            closing.append((sourced, data))
            return
        }
        if facts.count >= maximumFacts || (bytes + ImportPlan.framed(data.count) > maximumBytes && !facts.isEmpty) {
            try flush(isClosing: false, emit: emit)
        }
        append(sourced, data)
    }

    mutating func finish(emit: (ImportBatch) throws -> Void) throws {
        if !facts.isEmpty { try flush(isClosing: false, emit: emit) }
        for (sourced, data) in closing { append(sourced, data) }
        if !facts.isEmpty { try flush(isClosing: true, emit: emit) }
    }

    private mutating func append(_ sourced: SourcedFact, _ data: [UInt8]) {
        facts.append(sourced.fact)
        origins.append(FactOrigin(file: sourced.file, position: sourced.position))
        bytes += ImportPlan.framed(data.count)
        hash.update(data)
    }

    private mutating func flush(isClosing: Bool, emit: (ImportBatch) throws -> Void) throws {
        var request = PBIngestRequest()
        request.batchID = batchID()
        request.facts = facts
        try emit(ImportBatch(request: request, origins: origins, isClosing: isClosing))
        facts.removeAll(keepingCapacity: true)
        origins.removeAll(keepingCapacity: true)
        bytes = 0
        index += 1
    }

    /// SHA-256 over kind, customer, position and content, after the kind for people who read logs. Begins the digest of
    /// the next batch's content.
    private func batchID() -> String {
        let outer = RunningDigest(.sha256)
        for part in [plan.kind.rawValue, plan.options.customerID, plan.options.salt, String(index)] {
            outer.update(Array(part.utf8) + [0])
        }
        outer.update(hash.finish())
        return "\(plan.kind.rawValue)-\(Hex.text(of: outer.finish()))"
    }
}
