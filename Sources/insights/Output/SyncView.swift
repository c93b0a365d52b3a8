import Foundation
import GraphSync

/// What a run made of every customer.
struct SyncView {
    let outcomes: [CustomerOutcome]
    let isDryRun: Bool

    func print(_ format: OutputFormat) throws {
        switch format {
        case .table: Terminal.write(table())
        case .json: Terminal.write(try JSONText.text(outcomes.map(Self.object)))
        case .csv: Terminal.write(CSVText.text(rows()))
        }
    }

    /// One line for people at the end of a run.
    func summary(_ counts: SyncTelemetry.Counts, took: Duration) -> String {
        let failed = outcomes.count(where: \.hasFailed)
        let verb = isDryRun ? "read" : "up to date"
        var text = "\(NumberText.count(outcomes.count - failed, "customer", "customers")) \(verb)"
        if failed > 0 { text += ", \(NumberText.count(Int64(failed))) failed" }
        text += "; \(NumberText.count(counts.allRequests, "request", "requests"))"
        if counts.throttled > .zero {
            text += ", \(counts.throttled.components.seconds) s of pauses that servers asked for"
        }
        return text + ", \(took.components.seconds) s"
    }

    private func table() -> String {
        var table = TextTable([
            .text("Customer"), .text("Name"), .number("Subscriptions"), .number("Users"), .number("Days of activity"),
            .number(isDryRun ? "Facts (not sent)" : "Facts sent"), .text("Result"),
        ])
        for outcome in outcomes {
            table.add([
                outcome.customerID, outcome.name, Self.text(outcome.subscriptions), Self.text(outcome.users),
                Self.text(outcome.days), NumberText.count(outcome.facts),
                outcome.hasFailed ? Self.reason(outcome) : "ok",
            ])
        }
        table.dropIdleColumns(["Name"])
        var text = outcomes.isEmpty ? "no customers\n" : table.text()
        // Hundreds of customers tend to have the same few notes.
        let told = outcomes.flatMap { outcome in outcome.notes.map { (outcome.customerID, $0) } }
        let notes = Dictionary(grouping: told) { $0.1 }
        for (note, customers) in notes.sorted(by: { $0.key < $1.key }) {
            let names = customers.prefix(3).map(\.0).joined(separator: ", ") + (customers.count > 3 ? ", …" : "")
            text += "note: \(note) (\(names))\n".harmlessLine
        }
        return text
    }

    private static func text(_ count: Int?) -> String { count.map { NumberText.count(Int64($0)) } ?? "–" }

    private static func reason(_ outcome: CustomerOutcome) -> String {
        outcome.reasons.map(\.message).joined(separator: "; ")
    }

    private static func object(_ outcome: CustomerOutcome) -> [String: Any] {
        var object: [String: Any] = [
            "customer_id": outcome.customerID, "name": outcome.name, "status": outcome.hasFailed ? "failed" : "ok",
            "facts": outcome.facts, "reason": reason(outcome), "notes": outcome.notes,
            "failures": outcome.failures.map {
                ["source": $0.source.rawValue, "reason": $0.failure.reason.rawValue, "message": $0.failure.message]
            },
        ]
        object["subscriptions"] = outcome.subscriptions
        object["users"] = outcome.users
        object["days"] = outcome.days
        return object
    }

    private func rows() -> [[String]] {
        [["customer_id", "name", "status", "subscriptions", "users", "days", "facts", "reason"]]
            + outcomes.map { outcome in
                [
                    outcome.customerID, outcome.name, outcome.hasFailed ? "failed" : "ok",
                    outcome.subscriptions.map(String.init) ?? "", outcome.users.map(String.init) ?? "",
                    outcome.days.map(String.init) ?? "", String(outcome.facts), Self.reason(outcome),
                ]
            }
    }
}

/// What the endpoints allow, for `--check`.
struct SyncCheckView {
    let check: ConfigurationCheck

    func print(_ format: OutputFormat) throws {
        switch format {
        case .table: Terminal.write(table())
        case .json: Terminal.write(try JSONText.text(rows.map(Self.object)))
        case .csv: Terminal.write(CSVText.text(csv))
        }
    }

    private var rows: [ConfigurationCheck.Row] { [check.lists] + check.customers }

    private func table() -> String {
        var text = ""
        for result in check.lists.results {
            text += "\(result.source): \(result.failure.map { $0.message } ?? "answers")\n".harmlessLine
        }
        var table = TextTable([.text("Customer"), .text("Tenant"), .text("Readable"), .text("Missing"), .text("Why")])
        for row in check.customers {
            let failed = row.results.filter { $0.failure != nil }
            let readable = row.isReadable ? "yes" : failed.count == row.results.count ? "no" : "in part"
            table.add([
                row.name, row.tenantID, readable, failed.map(\.permission).joined(separator: ", "),
                Set(failed.compactMap(\.failure?.message)).sorted().joined(separator: "; "),
            ])
        }
        if !check.customers.isEmpty { text += "\n" + table.text() }
        return text
    }

    private static func object(_ row: ConfigurationCheck.Row) -> [String: Any] {
        [
            "customer_id": row.name, "tenant_id": row.tenantID, "readable": row.isReadable,
            "missing": row.results.filter { $0.failure != nil }.map(\.permission),
            "results": row.results.map { result -> [String: Any] in
                [
                    "source": result.source, "permission": result.permission, "ok": result.failure == nil,
                    "message": result.failure?.message ?? "",
                ]
            },
        ]
    }

    private var csv: [[String]] {
        [["customer_id", "tenant_id", "source", "permission", "ok", "message"]]
            + rows.flatMap { row in
                row.results.map {
                    [
                        row.name, row.tenantID, $0.source, $0.permission, $0.failure == nil ? "true" : "false",
                        $0.failure?.message ?? "",
                    ]
                }
            }
    }
}

extension String {
    /// A line whose text comes from elsewhere: harmless but for its end.
    fileprivate var harmlessLine: String { dropLast().description.harmless + "\n" }
}
