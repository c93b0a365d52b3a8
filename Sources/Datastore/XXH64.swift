/// XXH64 with seed 0: a hash of 64 bits that finds damaged bytes and does not keep anybody from forging them.
package enum XXH64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    package static func hash(_ bytes: [UInt8]) -> UInt64 {
        let end = bytes.count
        var place = 0
        var hash = prime5
        if end >= 32 {
            var one = prime1 &+ prime2
            var two = prime2
            var three: UInt64 = 0
            var four = 0 &- prime1
            while place &+ 32 <= end {
                one = round(one, word(bytes, place))
                two = round(two, word(bytes, place &+ 8))
                three = round(three, word(bytes, place &+ 16))
                four = round(four, word(bytes, place &+ 24))
                place &+= 32
            }
            hash = rotated(one, 1) &+ rotated(two, 7) &+ rotated(three, 12) &+ rotated(four, 18)
            for lane in [one, two, three, four] { hash = (hash ^ round(0, lane)) &* prime1 &+ prime4 }
        }
        hash &+= UInt64(end)
        while place &+ 8 <= end {
            hash = rotated(hash ^ round(0, word(bytes, place)), 27) &* prime1 &+ prime4
            place &+= 8
        }
        if place &+ 4 <= end {
            hash = rotated(hash ^ (half(bytes, place) &* prime1), 23) &* prime2 &+ prime3
            place &+= 4
        }
        while place < end {
            hash = rotated(hash ^ (UInt64(bytes[place]) &* prime5), 11) &* prime1
            place &+= 1
        }
        hash = (hash ^ (hash >> 33)) &* prime2
        hash = (hash ^ (hash >> 29)) &* prime3
        return hash ^ (hash >> 32)
    }

    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotated(lane &+ word &* prime2, 31) &* prime1
    }

    private static func rotated(_ value: UInt64, _ bits: UInt64) -> UInt64 {
        value &<< bits | value &>> (64 &- bits)
    }

    private static func half(_ bytes: [UInt8], _ place: Int) -> UInt64 {
        UInt64(bytes[place]) | UInt64(bytes[place &+ 1]) << 8 | UInt64(bytes[place &+ 2]) << 16
            | UInt64(bytes[place &+ 3]) << 24
    }

    private static func word(_ bytes: [UInt8], _ place: Int) -> UInt64 {
        half(bytes, place) | half(bytes, place &+ 4) << 32
    }
}
