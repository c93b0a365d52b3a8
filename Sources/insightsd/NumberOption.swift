import ArgumentParser

/// A number that `serve` can be told: the one place of its name, default and bounds.
struct NumberOption: Sendable {
    let name: String
    let meaning: String
    let unit: String
    let standard: Int
    let bounds: ClosedRange<Int>

    init(_ name: String, _ meaning: String, unit: String, _ standard: Int, in bounds: ClosedRange<Int>) {
        self.name = name
        self.meaning = meaning
        self.unit = unit
        self.standard = standard
        self.bounds = bounds
    }

    /// A time in whole seconds.
    init(_ name: String, _ meaning: String, _ standard: Duration, upTo most: Int) {
        self.init(name, meaning, unit: "s", Int(standard.components.seconds), in: 1...most)
    }

    var help: ArgumentHelp { ArgumentHelp("\(meaning) (default \(standard) \(unit)).", valueName: "n") }

    /// Every one, in the order of the documentation.
    static let all = limits.map(\.option) + advice.map(\.option)
}

/// The numbers in force.
struct NumberSettings {
    private var given: [String: Int] = [:]

    init() {}

    init(_ source: SettingsSource) throws(SettingsError) {
        for option in NumberOption.all { given[option.name] = try source.int(option.name, in: option.bounds) }
    }

    subscript(option: NumberOption) -> Int { given[option.name] ?? option.standard }
}
