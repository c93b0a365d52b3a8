import ImportFormats
import InsightsAPI
import InsightsClient
import Synchronization

/// What the server made of an import.
struct ImportOutcome: Sendable {
    var batches = 0
    var duplicates = 0
    /// Of them, those with facts: the coverage that closes an import is the same all day.
    var knownFactBatches = 0
    var facts: Int64 = 0
    var revision: Int64 = 0
    /// Coverage that the server has further already.
    var keptCoverage: [String] = []
    var effects = ImportEffects()
}

/// What the batches of an import changed beside adding facts. What was known before changes nothing.
struct ImportEffects: Sendable, Equatable {
    var sellersChanged: Int64 = 0
    var subscriptionsEnded: Int64 = 0
    var peopleMerged: Int64 = 0
    /// SKUs that the files name and the catalog lacks; a batch names the first 100.
    var uncataloguedSkus: Set<String> = []
    /// All of them; at least so many when no batch named all.
    var uncataloguedSkuCount: Int64 = 0

    mutating func add(_ effects: PBBatchEffects) {
        sellersChanged += effects.sellersChanged
        subscriptionsEnded += effects.subscriptionsEnded
        peopleMerged += effects.peopleMerged
        uncataloguedSkus.formUnion(effects.uncataloguedSkuIds)
        uncataloguedSkuCount = max(
            uncataloguedSkuCount, effects.uncataloguedSkuCount, Int64(uncataloguedSkus.count))
    }
}

/// Sends an import: first all facts, and only when they have arrived the coverage that follows from them.
struct ImportSender {
    let plan: ImportPlan
    let inspection: ImportInspection
    let client: InsightsClient
    var showsProgress = true

    func send() async throws -> ImportOutcome {
        let progress = ProgressLine(isTerminal: showsProgress && Terminal.errorIsTerminal)
        let total = Int64(inspection.facts)
        let sent = Mutex((facts: Int64(0), effects: ImportEffects()))
        let source = BatchSource(plan: plan, inspection: inspection)
        defer { source.stop() }
        let closing = Mutex<ImportBatch?>(nil)
        let first: IngestOutcome
        do {
            first = try await client.ingest {
                guard let batch = try await source.next() else { return nil }
                if batch.isClosing {
                    closing.withLock { $0 = batch }
                    return nil
                }
                return batch.request
            } onReceipt: { receipt in
                let done = sent.withLock { sent in
                    sent.facts += receipt.accepted
                    sent.effects.add(receipt.effects)
                    return sent.facts
                }
                progress.show(done: done, total: total, unit: "facts", prefix: plan.kind.rawValue)
            }
        } catch {
            progress.clear()
            throw error
        }
        progress.clear()
        if let refusal = first.refusal { throw refused(refusal, source: source, accepted: first.acceptedBatches) }
        var outcome = ImportOutcome(
            batches: first.acceptedBatches, duplicates: first.duplicateBatches,
            knownFactBatches: first.duplicateBatches, facts: first.acceptedFacts, revision: first.revision,
            effects: sent.withLock { $0.effects })
        if let batch = closing.withLock({ $0 }) { try await close(batch, &outcome) }
        return outcome
    }

    /// Sends the coverage, without what would move a day back: an old file may arrive after a newer one.
    private func close(_ batch: ImportBatch, _ outcome: inout ImportOutcome) async throws {
        var request = batch.request
        let (facts, kept) = CoverageAhead(of: try await known(request.facts)).split(request.facts)
        outcome.keptCoverage = kept
        if facts.isEmpty { return }
        if facts != request.facts {
            // Other content needs another name.
            request.facts = facts
            let parts = facts.flatMap { [$0.coverage.through] + $0.coverage.workloadCodes }
            request.batchID += "-" + parts.joined(separator: ".")
        }
        let queue = Mutex([request])
        let last = try await client.ingest {
            queue.withLock { $0.popLast() }
        } onReceipt: { _ in
        }
        if let refusal = last.refusal { throw CommandFailure("the coverage was refused: \(refusal.status.message)") }
        outcome.batches += last.acceptedBatches
        outcome.duplicates += last.duplicateBatches
        outcome.facts += last.acceptedFacts
        outcome.revision = max(outcome.revision, last.revision)
    }

    private func known(_ facts: [PBFact]) async throws -> PBCustomerCoverage {
        var request = PBGetIngestStatusRequest()
        request.customerID = facts.first?.coverage.customerID ?? ""
        if request.customerID.isEmpty { return PBCustomerCoverage() }
        let status = try await client.getIngestStatus(request)
        return status.customers.first { $0.customerID == request.customerID } ?? PBCustomerCoverage()
    }

    /// Says which row of which file the server did not want.
    private func refused(_ receipt: PBIngestResponse, source: BatchSource, accepted: Int) -> any Error {
        let status = receipt.status
        let before =
            accepted == 0
            ? "nothing was imported"
            : accepted == 1 ? "the batch before it was imported" : "\(accepted) batches before it were imported"
        // Most messages begin with the field.
        let isNamed = status.field.isEmpty || status.message.hasPrefix(status.field)
        let text = isNamed ? status.message : "\(status.field): \(status.message)"
        guard status.hasFactIndex,
            let origin = source.origin(ofFact: Int(status.factIndex), batchID: receipt.batchID)
        else { return CommandFailure("the server refused a batch: \(text) (\(before))") }
        return ImportProblem(
            file: origin.file, position: origin.position, message: "refused by the server: \(text) (\(before))")
    }
}
