/// Something that takes bytes from outside: one entry, shared by libFuzzer (`Tests/Fuzzing/run.sh`) and by the test of
/// every run (`FuzzTests`). An input that traps, or breaks a property that the target looks at, is a finding.
public struct FuzzTarget: Sendable, CustomStringConvertible {
    public let name: String
    /// Inputs in the test of every run: so many that each target takes a few seconds of a debug build.
    public let trials: Int
    /// Bound of an input, in bytes.
    public let maximumLength: Int
    /// Words that inputs are made of.
    public let dictionary: [String]
    /// Inputs by the product's own encoders, beside those of `Tests/Fuzzing/Corpus`.
    public let seeds: @Sendable () -> [[UInt8]]
    public let run: @Sendable ([UInt8]) -> Void

    init(
        _ name: String, trials: Int, maximumLength: Int = 4_096, dictionary: [String] = [],
        seeds: @escaping @Sendable () -> [[UInt8]] = { [] }, run: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.name = name
        self.trials = trials
        self.maximumLength = maximumLength
        self.dictionary = dictionary
        self.seeds = seeds
        self.run = run
    }

    public var description: String { name }

    public static let all: [FuzzTarget] = [
        .frames, .metadata, .requests, .ingest, .codec, .states, .filter, .pageToken, .token, .issuer, .session, .names,
        .imports, .answers, .audit, .web, .http1,
    ]

    public static func named(_ name: String) -> FuzzTarget? {
        (all + [canary]).first { $0.name == name }
    }
}

/// Ends the process: a property that must hold for every input does not.
func broken(_ property: String) -> Never {
    fatalError("broken property: \(property)")
}

func require(_ condition: Bool, _ property: @autoclosure () -> String) {
    if !condition { broken(property()) }
}

/// Takes an input apart, from left to right; what is not there is zero or empty.
struct FuzzInput {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func take(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// A length in one byte and as many bytes.
    mutating func short() -> [UInt8] { take(Int(byte())) }

    mutating func shortText() -> String { String(decoding: short(), as: UTF8.self) }

    mutating func takeRest() -> [UInt8] { take(rest.count) }
}
