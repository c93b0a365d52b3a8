extension RawSpan {
    /// The bytes as an array of their own, for decoders that need one or keep it.
    public func copied() -> [UInt8] {
        // The pointer is used only inside the closure.
        withUnsafeBytes { [UInt8]($0) }
    }
}
