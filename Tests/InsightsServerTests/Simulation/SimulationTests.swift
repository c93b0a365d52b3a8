import Foundation
import Testing

/// Several servers on one store answer as a single one.
///
/// `INSIGHTS_SIMULATIONS` is how many seeds are tried; `INSIGHTS_SEED` is the one that is.
@Suite struct SimulationTests {
    private static let environment = ProcessInfo.processInfo.environment

    private static var seeds: Range<UInt64> {
        if let seed = environment["INSIGHTS_SEED"].flatMap(UInt64.init) { return seed..<(seed + 1) }
        return 0..<(environment["INSIGHTS_SIMULATIONS"].flatMap(UInt64.init) ?? 200)
    }

    @Test(arguments: 0..<8 as Range<UInt64>) func serversOnOneStoreAnswerAsOne(part: UInt64) throws {
        let seeds = Self.seeds.filter { $0 % 8 == part }
        var edges: Set<Simulation.Edge> = []
        for seed in seeds {
            var simulation = try Simulation(seed: seed)
            try simulation.run(steps: 50)
            edges.formUnion(simulation.edges)
        }
        if seeds.count > 20 { #expect(edges == Set(Simulation.Edge.allCases)) }
    }
}
