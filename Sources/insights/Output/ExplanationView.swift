import InsightsAPI

/// Why usage is what it is.
struct ExplanationView {
    var explanation: PBUsageExplanation
    var heading: String
    var screen: Screen

    func text() -> String {
        var text = "\(heading)\n\n"
        let active = explanation.hasActiveUsers ? explanation.activeUsers : nil
        text += "  Active users   \(NumberText.count(active))\n"
        text += "  Total users    \(NumberText.count(explanation.hasTotalUsers ? explanation.totalUsers : nil))\n"
        text += "  Entitlements   \(NumberText.count(explanation.hasEntitlements ? explanation.entitlements : nil))\n"
        let percent = explanation.usage.hasPercent ? explanation.usage.percent : nil
        let bar = BarText.bar(percent, screen: screen)
        text += "  Usage          \(NumberText.percent(explanation.hasUsage ? explanation.usage : nil))"
        text += bar.isEmpty ? "\n\n" : "  \(bar)\n\n"
        if !explanation.classes.isEmpty { text += classes(active ?? 0) + "\n" }
        return text + explanation.text.wrapped(width: screen.width, indent: "  ")
    }

    private func classes(_ active: Int64) -> String {
        var table = TextTable([.text("Active because"), .number("Users"), .number("Share"), .text(""), .text("Who")])
        for count in explanation.classes {
            let share = active > 0 ? 100 * Double(count.users) / Double(active) : nil
            table.add([
                count.usageClass.title, NumberText.count(count.users), NumberText.percent(share),
                BarText.bar(share, screen: screen), count.usageClass.meaning,
            ])
        }
        table.dropIdleColumns([""])
        return table.text(indent: "  ")
    }

    static func rows(_ explanation: PBUsageExplanation) -> [[String]] {
        [["as_of", "usage_class", "users", "active_users", "total_users", "entitlements", "usage_percent"]]
            + explanation.classes.map {
                [
                    explanation.asOf, $0.usageClass.title, "\($0.users)",
                    NumberText.machine(explanation.hasActiveUsers ? explanation.activeUsers : nil),
                    NumberText.machine(explanation.hasTotalUsers ? explanation.totalUsers : nil),
                    NumberText.machine(explanation.hasEntitlements ? explanation.entitlements : nil),
                    NumberText.machine(explanation.usage.hasPercent ? explanation.usage.percent : nil),
                ]
            }
    }
}
