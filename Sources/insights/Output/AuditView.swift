import Foundation
import InsightsAPI

/// Who did what when, and how it ended.
enum AuditView {
    static func text(_ response: PBListAuditEventsResponse) -> String {
        if response.events.isEmpty { return "No records.\n" }
        var table = TextTable([
            .number("Sequence"), .text("Time"), .text("Principal"), .text("Method"), .text("Decision"),
            .text("Outcome"), .number("Revision"), .text("Customer"),
        ])
        for event in response.events {
            table.add([
                "\(event.sequence)", event.time.date.formatted(.iso8601),
                event.isOperator ? "operator \(event.principalID)" : event.principalID,
                event.method.split(separator: "/").last.map(String.init) ?? event.method, event.decision.title,
                StatusCodeNames.name(of: event.code), NumberText.count(event.revision),
                String(event.customerHash.prefix(12)),
            ])
        }
        let shown = NumberText.count(Int64(response.events.count))
        let partner = response.events.first?.partnerID ?? ""
        let total = NumberText.count(Int(response.totalSize), "record", "records")
        return "\(shown) of \(total) of \(partner), newest first\n\n" + table.text()
    }

    static func rows(_ events: [PBAuditEvent]) -> [[String]] {
        [
            [
                "sequence", "time", "principal_id", "is_operator", "partner_id", "method", "decision", "code",
                "code_name", "revision", "customer_hash",
            ]
        ]
            + events.map { event in
                [
                    "\(event.sequence)", event.time.date.formatted(.iso8601), event.principalID,
                    event.isOperator ? "true" : "false", event.partnerID, event.method, event.decision.code,
                    "\(event.code)", StatusCodeNames.name(of: event.code), "\(event.revision)", event.customerHash,
                ]
            }
    }
}
