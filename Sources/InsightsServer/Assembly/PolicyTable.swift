import InsightsAPI
import Tenancy

/// The role matrix as text: `insightsd print-policy`, the README and the golden test show the same.
package enum PolicyTable {
    private static let columns = Role.allCases.map(\.title) + ["no role", "operator"]

    private static func cells(_ permission: Permission) -> [Bool] {
        Role.allCases.map { AccessPolicy.permissions(of: $0).contains(permission) }
            + [
                AccessPolicy.permissionsWithoutRole.contains(permission),
                AccessPolicy.operatorPermissions.contains(permission),
            ]
    }

    /// One line per method: method, permission, and who may.
    package static func text() -> String {
        let rows = Method.own.map { method in
            ([shortName(method), method.permission?.name ?? ""], method.permission.map(cells) ?? [])
        }
        let header = ["method", "permission"] + columns
        let lines = rows.map { names, allowed in names + allowed.map { $0 ? "yes" : "-" } }
        let widths = header.indices.map { column in
            ([header] + lines).map { $0[column].count }.max() ?? 0
        }
        return ([header] + lines).map { line in
            let padded = zip(line, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private static func shortName(_ method: Method) -> String {
        String(method.path.dropFirst("/\(Method.package).".count))
    }
}
