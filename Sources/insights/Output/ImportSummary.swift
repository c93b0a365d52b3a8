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
        for left in report.leftOut {
            text += "  left out: \(NumberText.count(Int64(left.count))) × \(left.reason)\n"
        }
        for coverage in inspection.coverage {
            let codes = coverage.workloadCodes.isEmpty ? "" : " (\(coverage.workloadCodes.joined(separator: ", ")))"
            text += "  \(coverage.source.title) of \(coverage.customerID) reported through \(coverage.through)"
            text += codes + "\n"
        }
        text += effects
        for kept in sent?.keptCoverage ?? [] { text += "  the server has more already: \(kept); that stays\n" }
        return text + outcome + "\n"
    }

    /// What changed that no row says.
    private var effects: String {
        guard let effects = sent?.effects else { return "" }
        var text = ""
        if effects.subscriptionsEnded > 0 {
            let ended = NumberText.count(Int(clamping: effects.subscriptionsEnded), "subscription", "subscriptions")
            text += "  \(ended) ended: in service before, and no longer in the list\n"
        }
        if effects.sellersChanged > 0 {
            let moved = NumberText.count(Int(clamping: effects.sellersChanged), "subscription", "subscriptions")
            text += "  \(moved) moved to another seller, for every day\n"
        }
        if effects.peopleMerged > 0 {
            let people = effects.peopleMerged == 1 ? "1 person" : "\(NumberText.count(effects.peopleMerged)) people"
            text += "  \(people) merged with another one\n"
        }
        if effects.uncataloguedSkuCount > 0 {
            let skus = NumberText.count(Int(clamping: effects.uncataloguedSkuCount), "SKU", "SKUs")
            let names = effects.uncataloguedSkus.sorted()
            let more = effects.uncataloguedSkuCount > names.count ? ", …" : ""
            text += "  \(skus) not in the catalog, so that no figure has them: "
            text += names.joined(separator: ", ") + more + "\n"
        }
        return text
    }

    /// Lines for standard error: each row that was left out, up to the first ten of a reason.
    var leftOutLines: [String] {
        inspection.report.leftOut.flatMap { left in
            left.places.map { place in
                let text = place.text.isEmpty ? "" : ": \(place.text)"
                return ImportProblem(
                    file: place.file, position: place.position, message: "left out: \(left.reason)\(text)"
                ).description
            } + Self.rest(of: left)
        }
    }

    private static func rest(of left: LeftOut) -> [String] {
        let rest = left.count - left.places.count
        if left.places.isEmpty || rest == 0 { return [] }
        return ["left out: \(left.reason): \(NumberText.count(Int64(rest))) more"]
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
            "left_out": inspection.report.leftOut.map(Self.object),
        ]
        if let sent {
            object["batches"] = sent.batches
            object["duplicates"] = sent.duplicates
            object["facts"] = sent.facts
            object["revision"] = sent.revision
            object["kept_coverage"] = sent.keptCoverage
            object["effects"] = [
                "sellers_changed": sent.effects.sellersChanged, "subscriptions_ended": sent.effects.subscriptionsEnded,
                "people_merged": sent.effects.peopleMerged,
                "uncatalogued_sku_ids": sent.effects.uncataloguedSkus.sorted(),
                "uncatalogued_sku_count": sent.effects.uncataloguedSkuCount,
            ]
        }
        return try JSONText.text(object)
    }

    private static func object(_ left: LeftOut) -> [String: Any] {
        [
            "reason": left.reason, "count": left.count, "fault": left.isFault,
            "first": left.places.map { place -> [String: Any] in
                [
                    "file": place.file, "line": place.position.line, "column": place.position.column,
                    "text": place.text,
                ]
            },
        ]
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
