extension FuzzTarget {
    /// A target with a planted fault, an index behind the end when the input begins with `FUZZ`: a fuzzer that does not
    /// find it finds nothing.
    public static let canary = FuzzTarget(
        "canary", trials: 20_000, maximumLength: 64,
        seeds: { [Array("FIZZ".utf8), Array("BUZZ".utf8)] },
        run: { bytes in
            guard bytes.count >= 4, bytes[0] == UInt8(ascii: "F") else { return }
            guard bytes[1] == UInt8(ascii: "U"), bytes[2] == UInt8(ascii: "Z") else { return }
            if bytes[3] == UInt8(ascii: "Z") { require(bytes[bytes.count] == 0, "nothing behind the end") }
        })
}
