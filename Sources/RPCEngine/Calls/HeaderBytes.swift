import CLinux
import Glibc

extension UnsafeBufferPointer<UInt8> {
    /// Compares with text known at compile time.
    @inline(__always)
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount, let baseAddress else { return false }
        // Both hold `count` bytes.
        return memcmp(baseAddress, text.utf8Start, count) == 0
    }

    /// Without spaces and tabs at its ends: gRPC lets a sender put them there, and they mean nothing.
    var withoutBlanks: UnsafeBufferPointer<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        guard let first, let last, isBlank(first) || isBlank(last) else { return self }
        guard let start = firstIndex(where: { !isBlank($0) }), let end = lastIndex(where: { !isBlank($0) }) else {
            return UnsafeBufferPointer(rebasing: self[..<0])
        }
        return UnsafeBufferPointer(rebasing: self[start...end])
    }

    /// Searches for text known at compile time.
    func containsText(_ text: StaticString) -> Bool {
        guard let baseAddress else { return false }
        // Both ranges are given with their lengths.
        return engine_find(baseAddress, count, text.utf8Start, text.utf8CodeUnitCount) >= 0
    }
}
