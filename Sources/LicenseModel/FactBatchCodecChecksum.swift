/// CRC-32C (Castagnoli), as in iSCSI and ext4: finds damaged bytes, does not keep anybody from forging them.
public enum CRC32C {
    public static func checksum(of bytes: [UInt8]) -> UInt32 {
        checksum(of: bytes, count: bytes.count)
    }

    /// Of the first `count` bytes; a count outside the array is moved to its nearer end.
    public static func checksum(of bytes: [UInt8], count: Int) -> UInt32 {
        let end = min(max(count, 0), bytes.count)
        var crc = ~UInt32(0)
        var index = 0
        // Eight bytes a step with eight tables: about one byte a cycle, where one table takes seven.
        while index &+ 8 <= end {
            let low = crc ^ (word(bytes, index))
            let high = word(bytes, index &+ 4)
            crc =
                entry(7, low) ^ entry(6, low >> 8) ^ entry(5, low >> 16) ^ entry(4, low >> 24)
                ^ entry(3, high) ^ entry(2, high >> 8) ^ entry(1, high >> 16) ^ entry(0, high >> 24)
            index &+= 8
        }
        while index < end {
            crc = entry(0, crc ^ UInt32(bytes[index])) ^ (crc >> 8)
            index &+= 1
        }
        return ~crc
    }

    private static func word(_ bytes: [UInt8], _ index: Int) -> UInt32 {
        UInt32(bytes[index]) | UInt32(bytes[index &+ 1]) << 8 | UInt32(bytes[index &+ 2]) << 16
            | UInt32(bytes[index &+ 3]) << 24
    }

    private static func entry(_ table: Int, _ byte: UInt32) -> UInt32 {
        tables[table &* 256 &+ Int(byte & 0xFF)]
    }

    /// Table 0 is the remainder of each byte; table k that of the byte followed by k zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
            tables[byte] = value
        }
        for table in 1..<8 {
            for byte in 0..<256 {
                let before = tables[(table - 1) * 256 + byte]
                tables[table * 256 + byte] = (before >> 8) ^ tables[Int(before & 0xFF)]
            }
        }
        return tables
    }()
}
