import Foundation
import FuzzTargets
import Testing

/// Every fuzz target over its corpus and as many altered inputs as a few seconds of a debug build allow, the same ones
/// each time. `Tests/Fuzzing/run.sh` does the real fuzzing.
@Suite(.serialized)
struct FuzzTests {
    static let corpus = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Corpus")

    /// What is committed for a target; input found by the fuzzer and mended is kept there.
    static func committed(_ target: FuzzTarget) throws -> [[UInt8]] {
        let folder = corpus.appending(path: target.name)
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .sorted { $0.path < $1.path }.map { [UInt8](try Data(contentsOf: $0)) }
    }

    @Test(arguments: FuzzTarget.all)
    func nothingBreaks(_ target: FuzzTarget) throws {
        let seeds = try Self.committed(target) + target.seeds()
        #expect(seeds.count >= 3, "a corpus")
        // A trap ends the process: this is where its input stays.
        let last = FileManager.default.temporaryDirectory.appending(
            path: "fuzz-input-\(target.name)-\(ProcessInfo.processInfo.processIdentifier)")
        try Data().write(to: last)
        let file = try FileHandle(forWritingTo: last)
        func run(_ input: [UInt8]) throws {
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: input)
            target.run(input)
        }
        try run([])
        for seed in seeds { try run(seed) }
        var mutator = Mutator(target, seeds: seeds, seed: 1)
        for _ in 0..<target.trials { try run(mutator.next()) }
        try file.close()
        try FileManager.default.removeItem(at: last)
    }

    /// The alterations reach a fault that is planted: without it, a run without findings would say nothing.
    @Test func thePlantedFaultIsFound() async {
        await #expect(processExitsWith: .failure) {
            let target = FuzzTarget.canary
            var mutator = Mutator(target, seeds: target.seeds(), seed: 1)
            for _ in 0..<target.trials { target.run(mutator.next()) }
        }
    }

    /// And nothing else ends that process.
    @Test func withoutTheFaultNothingIsFound() async {
        await #expect(processExitsWith: .success) {
            let target = FuzzTarget.canary
            var mutator = Mutator(target, seeds: target.seeds(), seed: 1)
            for _ in 0..<target.trials {
                let input = mutator.next()
                if !input.starts(with: "FUZZ".utf8) { target.run(input) }
            }
        }
    }
}
