import ImportFormats

/// What an import held and what became of it. Its notes are apart, because they are no part of a table.
struct ImportSummary {
    var kind: ImportKind
    var inspection: ImportInspection
    /// Nil when the files were only checked.
    var sent: ImportOutcome?

    func text() -> String {
        let report = inspection.report
        var text = "\(kind.rawValue): \(NumberText.count(report.rows, "row", "rows"))"
        text += ", \(NumberText.count(inspection.facts, "fact", "facts"))\n"
        for count in report.counts where count.name != "facts" {
            text += "  \(NumberText.count(count.count, count.one, count.name))\n"
        }
        for (reason, count) in report.leftOut { text += "  left out: \(NumberText.count(Int64(count))) × \(reason)\n" }
        for coverage in inspection.coverage {
            text += "  \(coverage.source.title) of \(coverage.customerID) reported through \(coverage.through)\n"
        }
        for kept in sent?.keptCoverage ?? [] { text += "  the server has more already: \(kept); that stays\n" }
        return text + outcome + "\n"
    }

    private var outcome: String {
        guard let sent else { return "checked; nothing was sent" }
        guard sent.batches > 0 else { return "there was nothing to import" }
        if sent.duplicates == sent.batches {
            return sent.batches == 1
                ? "nothing new: the batch had been imported before"
                : "nothing new: all \(sent.batches) batches had been imported before"
        }
        let known = sent.duplicates > 0 ? ", \(sent.duplicates) of them known before" : ""
        return "imported in \(NumberText.count(sent.batches, "batch", "batches"))\(known), revision \(sent.revision)"
    }

    func json() throws -> String {
        var object: [String: Any] = [
            "rows_read": inspection.report.rows, "facts_read": inspection.facts, "notes": inspection.report.notes,
        ]
        if let sent {
            object["batches"] = sent.batches
            object["duplicates"] = sent.duplicates
            object["facts"] = sent.facts
            object["revision"] = sent.revision
            object["kept_coverage"] = sent.keptCoverage
        }
        return try JSONText.text(object)
    }

    var rows: [[String]] {
        let read = ["\(inspection.report.rows)", "\(inspection.facts)"]
        let done = sent.map { ["\($0.batches)", "\($0.duplicates)", "\($0.facts)", "\($0.revision)"] }
        return [
            ["rows_read", "facts_read", "batches", "duplicates", "facts", "revision"],
            read + (done ?? ["", "", "", ""]),
        ]
    }
}
