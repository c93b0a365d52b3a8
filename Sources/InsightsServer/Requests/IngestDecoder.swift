import FactReading
import InsightsAPI
import LicenseModel
import SwiftProtobuf

/// Decodes and validates one batch.
struct IngestDecoder: Sendable {
    enum Failure: Error, Sendable, Hashable {
        /// The bytes are no `IngestRequest`.
        case malformed
        /// `batch` is the id that the message gives, whatever it is.
        case bad(BadField, batch: String)
    }

    let reader: FactReader

    init(today: Day, maximumFacts: Int = FactLimits.defaultMaximumBatchFacts) {
        reader = FactReader(today: today, maximumFacts: maximumFacts)
    }

    /// Counts the facts before any is decoded: an empty fact is two bytes on the wire and a hundred times as many in
    /// memory.
    func decode(_ message: [UInt8]) throws(Failure) -> FactBatch {
        let outline: Outline
        do {
            outline = try Outline(message.span)
        } catch {
            throw .malformed
        }
        if outline.facts > reader.maximumFacts {
            let id = String(validating: message[outline.id], as: UTF8.self) ?? ""
            throw .bad(FactReader.tooMany(outline.facts, limit: reader.maximumFacts), batch: id)
        }
        let request: PBIngestRequest
        do {
            request = try PBIngestRequest(serializedBytes: message)
        } catch {
            throw .malformed
        }
        do {
            return try reader.read(request)
        } catch {
            throw .bad(error, batch: request.batchID)
        }
    }

    /// What a message tells before its facts are decoded.
    struct Outline {
        /// Entries of `facts` (field 2).
        private(set) var facts = 0
        /// Where `batch_id` (field 1) is; empty without one.
        private(set) var id = 0..<0

        init(_ bytes: borrowing Span<UInt8>) throws(WireError) {
            var cursor = WireCursor(bytes)
            while !cursor.isAtEnd {
                let tag = try cursor.fieldTag(bytes)
                if tag.field == 1, tag.wireType == 2 {
                    id = try cursor.body(bytes)
                } else {
                    if tag.field == 2, tag.wireType == 2 { facts += 1 }
                    try cursor.skip(tag, bytes)
                }
            }
        }
    }
}
