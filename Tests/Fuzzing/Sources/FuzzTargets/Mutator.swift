/// Alters inputs by chance, the same for the same seed: for runs without libFuzzer, which knows which inputs reach new
/// code and is better at it.
public struct Mutator {
    private var state: UInt64
    private let seeds: [[UInt8]]
    private let words: [[UInt8]]
    private let maximumLength: Int

    /// Numbers at which lengths and counts tend to break.
    private static let corners: [UInt8] = [
        0, 1, 2, 0x0A, 0x1F, 0x20, 0x22, 0x2C, 0x2E, 0x2F, 0x7F, 0x80, 0xC3, 0xFE, 0xFF,
    ]

    public init(_ target: FuzzTarget, seeds: [[UInt8]], seed: UInt64) {
        state = seed
        self.seeds = seeds.isEmpty ? [[]] : seeds
        words = target.dictionary.map { Array($0.utf8) }
        maximumLength = target.maximumLength
    }

    /// SplitMix64.
    private mutating func random() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// Below `bound`, which is above 0.
    private mutating func below(_ bound: Int) -> Int { Int(random() % UInt64(bound)) }

    public mutating func next() -> [UInt8] {
        var bytes = seeds[below(seeds.count)]
        for _ in 0...below(4) { change(&bytes) }
        return Array(bytes.prefix(maximumLength))
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = below(bytes.count + 1)
        switch below(9) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(below(8))
        case 1 where place < bytes.count: bytes[place] = UInt8(below(256))
        case 2 where place < bytes.count: bytes[place] = Self.corners[below(Self.corners.count)]
        case 3: bytes.insert(contentsOf: (0...below(4)).map { _ in UInt8(below(256)) }, at: place)
        case 4: bytes.removeSubrange(place..<min(place + 1 + below(8), bytes.count))
        case 5:
            let end = min(place + 1 + below(32), bytes.count)
            bytes.insert(contentsOf: bytes[place..<end], at: below(bytes.count + 1))
        case 6:
            let other = seeds[below(seeds.count)]
            bytes.replaceSubrange(place..., with: other.dropFirst(below(other.count + 1)))
        case 7 where !words.isEmpty: bytes.insert(contentsOf: words[below(words.count)], at: place)
        case 8 where place < bytes.count:
            bytes[place] = bytes[place] &+ (below(2) == 0 ? 1 : 255)
        default: bytes.append(UInt8(below(256)))
        }
    }
}
