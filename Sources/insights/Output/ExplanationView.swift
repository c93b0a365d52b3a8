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
        text += bar.isEmpty ? "\n" : "  \(bar)\n"
        let counted = UsageNote.text(active: active ?? 0, ratio: explanation.usage)
        if explanation.hasUsage && !counted.isEmpty { text += counted.wrapped(width: screen.width, indent: "  ") }
        text += "\n"
        if !explanation.classes.isEmpty || explanation.unclassifiedUsers > 0 { text += classes(active ?? 0) + "\n" }
        return text + explanation.text.wrapped(width: screen.width, indent: "  ")
    }

    private func classes(_ active: Int64) -> String {
        var table = TextTable([.text("Active because"), .number("Users"), .number("Share"), .text(""), .text("Who")])
        func add(_ title: String, _ users: Int64, _ meaning: String) {
            let share = NumberText.share(users, of: active)
            table.add([
                title, NumberText.count(users), NumberText.percent(share), BarText.bar(share, screen: screen), meaning,
            ])
        }
        for count in explanation.classes { add(count.usageClass.title, count.users, count.usageClass.meaning) }
        if explanation.unclassifiedUsers > 0 {
            add("unclassified", explanation.unclassifiedUsers, "their licenses or assignments are not reported")
        }
        table.dropIdleColumns([""])
        return table.text(indent: "  ")
    }

    static func rows(_ explanation: PBUsageExplanation) -> [[String]] {
        [["as_of", "usage_class", "users", "active_users", "total_users", "entitlements", "usage_percent"]]
            + (explanation.classes.map { ($0.usageClass.code, $0.users) }
            + (explanation.unclassifiedUsers > 0 ? [("UNCLASSIFIED", explanation.unclassifiedUsers)] : [])).map {
                [
                    explanation.asOf, $0.0, "\($0.1)",
                    NumberText.machine(explanation.hasActiveUsers ? explanation.activeUsers : nil),
                    NumberText.machine(explanation.hasTotalUsers ? explanation.totalUsers : nil),
                    NumberText.machine(explanation.hasEntitlements ? explanation.entitlements : nil),
                    NumberText.machine(explanation.usage.hasPercent ? explanation.usage.percent : nil),
                ]
            }
    }
}
