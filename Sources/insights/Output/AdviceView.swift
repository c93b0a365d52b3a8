import InsightsAPI

/// Advice as short paragraphs with the figures that triggered it.
struct AdviceView {
    var recommendations: [PBRecommendation]
    var heading: String
    var screen: Screen

    func text() -> String {
        if recommendations.isEmpty { return heading + "\n\nNothing to advise.\n" }
        var text = heading + "\n"
        var customer: String?
        for item in recommendations {
            if item.customerID != customer {
                customer = item.customerID
                text += "\n\(item.customerID)\n"
            }
            text += "\n  \(item.kind.title) · \(item.product.title)\n"
            for paragraph in [item.problem, item.consider, item.tryThis] {
                text += paragraph.wrapped(width: screen.width, indent: "    ")
            }
            let evidence = item.evidence.map { "\($0.name) \(shortened($0.value))" }.joined(separator: ", ")
            if !evidence.isEmpty { text += "[\(evidence)]".wrapped(width: screen.width, indent: "    ") }
        }
        return text
    }

    /// Percentages come unrounded.
    private func shortened(_ value: String) -> String {
        guard value.contains("."), let number = Double(value) else { return value }
        return "\((number * 10).rounded() / 10)"
    }

    static func rows(_ recommendations: [PBRecommendation]) -> [[String]] {
        [["customer_id", "kind", "product", "problem", "consider", "try_this", "evidence"]]
            + recommendations.map { item in
                [
                    item.customerID, item.kind.title, item.product.code, item.problem, item.consider, item.tryThis,
                    item.evidence.map { "\($0.name)=\($0.value)" }.joined(separator: "; "),
                ]
            }
    }
}
