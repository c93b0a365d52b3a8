import CNghttp2
import GRPCCore

/// The header list of a request.
struct RequestHeaders {
    private var bytes: [UInt8] = []
    private var fields: [(name: Int, value: Int, end: Int)] = []

    /// Nil if a name or value cannot be sent.
    ///
    /// - Parameter waited: nanoseconds since the call was made, which its timeout is shorter by.
    init?(path: String, authority: String, metadata: Metadata, waited: UInt64) {
        add(":method", "POST")
        add(":scheme", "https")
        add(":path", path)
        add(":authority", authority)
        add("te", "trailers")
        add("content-type", "application/grpc")
        add("user-agent", Self.userAgent)
        for (key, value) in metadata {
            let name = key.lowercased()
            if Self.reserved.contains(name) { continue }
            var value = value.encoded()
            if waited > 0, name == "grpc-timeout" { value = Self.rest(ofTimeout: value, after: waited) }
            guard Self.isName(name), Self.isValue(value) else { return nil }
            add(name, value)
        }
    }

    private static let userAgent = "partner-insights/1.0"
    private static let reserved: Set<String> = [
        "te", "content-type", "user-agent", "host", "connection", "content-length", "transfer-encoding",
        "grpc-encoding", "grpc-accept-encoding",
    ]

    /// Nanoseconds of each unit of a timeout.
    private static let units: [(unit: Character, nanoseconds: UInt64)] = [
        ("n", 1), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000), ("H", 3_600_000_000_000),
    ]
    /// A timeout has eight digits at most.
    private static let mostDigits: UInt64 = 99_999_999

    /// What is left of a timeout: rounded up, at least a nanosecond, for 0 is none. One that says nothing stays.
    static func rest(ofTimeout text: String, after waited: UInt64) -> String {
        guard let amount = UInt64(text.dropLast()), amount <= mostDigits,
            let unit = units.first(where: { $0.unit == text.last })
        else { return text }
        let (all, isLong) = amount.multipliedReportingOverflow(by: unit.nanoseconds)
        // More than five centuries.
        if isLong { return text }
        let rest = all > waited ? all - waited : 1
        for unit in units {
            let amount = (rest - 1) / unit.nanoseconds + 1
            if amount <= mostDigits { return "\(amount)\(unit.unit)" }
        }
        return text
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                    UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static func isValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    private mutating func add(_ name: String, _ value: String) {
        let start = bytes.count
        bytes.append(contentsOf: name.utf8)
        let middle = bytes.count
        bytes.append(contentsOf: value.utf8)
        fields.append((start, middle, bytes.count))
    }

    /// Hands the list to an nghttp2 function, which copies it.
    func submit(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Int32) -> Int32 {
        bytes.withUnsafeBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.count) { list in
                // Offsets lie inside the bytes; nghttp2 only reads through these pointers.
                let base = UnsafeMutablePointer(mutating: bytes.baseAddress)
                for (index, field) in fields.enumerated() {
                    list.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: base.map { $0 + field.name }, value: base.map { $0 + field.value },
                            namelen: field.value - field.name, valuelen: field.end - field.value,
                            flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
                }
                return body(list.baseAddress, fields.count)
            }
        }
    }
}
