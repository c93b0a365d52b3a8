import FactReading
import InsightsAPI
import LicenseModel
import SwiftProtobuf

/// Decodes and validates one batch.
struct IngestDecoder: Sendable {
    enum Failure: Error, Sendable, Hashable {
        /// The bytes are no `IngestRequest`.
        case malformed
        case bad(BadField)
    }

    let reader: FactReader

    init(today: Day, maximumFacts: Int = FactLimits.defaultMaximumBatchFacts) {
        reader = FactReader(today: today, maximumFacts: maximumFacts)
    }

    /// Counts the facts before any is decoded: an empty fact is two bytes on the wire and a hundred times as many in
    /// memory.
    func decode(_ message: [UInt8]) throws(Failure) -> FactBatch {
        let count: Int
        do {
            count = try Self.factCount(message.span)
        } catch {
            throw .malformed
        }
        if count > reader.maximumFacts { throw .bad(FactReader.tooMany(count, limit: reader.maximumFacts)) }
        let request: PBIngestRequest
        do {
            request = try PBIngestRequest(serializedBytes: message)
        } catch {
            throw .malformed
        }
        do {
            return try reader.read(request)
        } catch {
            throw .bad(error)
        }
    }

    /// Entries of `facts` (field 2).
    static func factCount(_ bytes: borrowing Span<UInt8>) throws(WireError) -> Int {
        var cursor = WireCursor(bytes)
        var count = 0
        while !cursor.isAtEnd {
            let tag = try cursor.fieldTag(bytes)
            if tag.field == 2, tag.wireType == 2 { count += 1 }
            try cursor.skip(tag, bytes)
        }
        return count
    }
}

extension IngestDecoder {
    /// The batch id of a message whose facts were not decoded; empty when it has none that can be read.
    static func batchID(of message: [UInt8]) -> String {
        let bytes = message.span
        var cursor = WireCursor(bytes)
        var id = 0..<0
        do {
            while !cursor.isAtEnd {
                let tag = try cursor.fieldTag(bytes)
                if tag.field == 1, tag.wireType == 2 {
                    id = try cursor.text(bytes)
                } else {
                    try cursor.skip(tag, bytes)
                }
            }
        } catch {
            return ""
        }
        return String(decoding: message[id], as: UTF8.self)
    }
}
