import ImportFormats
import InsightsAPI
import InsightsClient
import Synchronization

/// What the server made of an import.
struct ImportOutcome: Sendable {
    var batches = 0
    var duplicates = 0
    var facts: Int64 = 0
    var revision: Int64 = 0
    /// Coverage that the server has further already.
    var keptCoverage: [String] = []
}

/// Sends an import: first all facts, and only when they have arrived the coverage that follows from them.
struct ImportSender {
    let plan: ImportPlan
    let inspection: ImportInspection
    let client: InsightsClient

    func send() async throws -> ImportOutcome {
        let progress = ProgressLine(isTerminal: Terminal.errorIsTerminal)
        let total = Int64(inspection.facts)
        let sent = Mutex(Int64(0))
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
                    sent += receipt.accepted
                    return sent
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
            batches: first.acceptedBatches, duplicates: first.duplicateBatches, facts: first.acceptedFacts,
            revision: first.revision)
        if let batch = closing.withLock({ $0 }) { try await close(batch, &outcome) }
        return outcome
    }

    /// Sends the coverage, without what would move a day back: an old file may arrive after a newer one.
    private func close(_ batch: ImportBatch, _ outcome: inout ImportOutcome) async throws {
        let kept = try await coverageAhead(of: batch.request.facts.map(\.coverage))
        if !kept.isEmpty {
            outcome.keptCoverage = kept
            return
        }
        let queue = Mutex([batch.request])
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

    private func coverageAhead(of facts: [PBCoverageFact]) async throws -> [String] {
        guard let customer = facts.first?.customerID else { return [] }
        var request = PBGetIngestStatusRequest()
        request.customerID = customer
        let status = try await client.getIngestStatus(request)
        let known = status.customers.first { $0.customerID == customer }?.sources ?? []
        return facts.compactMap { fact in
            guard let through = known.first(where: { $0.source == fact.source })?.through, through > fact.through
            else { return nil }
            return "\(fact.source.title) \(through)"
        }
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
