import InsightsAPI

/// What the server knows already of how far a customer's sources have reported.
struct CoverageAhead {
    private let known: PBCustomerCoverage

    init(of known: PBCustomerCoverage) { self.known = known }

    /// The coverage facts that move nothing back, and in words what stays as it is. Of activity each workload has a day
    /// of its own.
    func split(_ facts: [PBFact]) -> (facts: [PBFact], kept: [String]) {
        var moving: [PBFact] = []
        var kept: [String] = []
        for fact in facts {
            var coverage = fact.coverage
            if coverage.workloadCodes.isEmpty {
                guard let through = known.sources.first(where: { $0.source == coverage.source })?.through,
                    through > coverage.through
                else {
                    moving.append(fact)
                    continue
                }
                kept.append("\(coverage.source.title) \(through)")
                continue
            }
            let through = { (code: String) in known.workloads.first { $0.workloadCode == code }?.through ?? "" }
            let ahead = coverage.workloadCodes.filter { through($0) > coverage.through }
            let days = Dictionary(grouping: ahead, by: through).sorted { $0.key < $1.key }
            kept += days.map { "\(coverage.source.title) \($0.key) (\($0.value.joined(separator: ", ")))" }
            coverage.workloadCodes.removeAll(where: ahead.contains)
            guard !coverage.workloadCodes.isEmpty else { continue }
            var part = fact
            part.coverage = coverage
            moving.append(part)
        }
        return (moving, kept)
    }
}
