import CNghttp2
import Glibc

/// Headers of one response that is not the common one. Names and values that HTTP/2 forbids are left out: a handler
/// that echoes input cannot split a response.
struct HeaderList {
    private var arena: [UInt8] = []
    private var fields: [(name: Int, value: Int, end: Int)] = []

    mutating func add(_ name: String, _ value: String) {
        var value = value
        let fits = value.withUTF8 { bytes in
            // nghttp2 reads `count` bytes.
            bytes.isEmpty || nghttp2_check_header_value(bytes.baseAddress, bytes.count) != 0
        }
        guard fits else { return }
        let start = arena.count
        arena.append(contentsOf: name.utf8)
        let middle = arena.count
        arena.append(contentsOf: value.utf8)
        fields.append((start, middle, arena.count))
    }

    /// What was looked at before.
    mutating func add(bytes name: some Sequence<UInt8>, _ value: some Sequence<UInt8>) {
        let start = arena.count
        arena.append(contentsOf: name)
        let middle = arena.count
        arena.append(contentsOf: value)
        fields.append((start, middle, arena.count))
    }

    /// Metadata of a handler, which must not pass for the protocol's own headers.
    mutating func add(_ metadata: [(String, String)]) {
        for (name, value) in metadata {
            var name = name
            let fits = name.withUTF8 { bytes in
                // nghttp2 reads `count` bytes.
                !bytes.isEmpty && nghttp2_check_header_name(bytes.baseAddress, bytes.count) != 0
            }
            guard fits, !name.hasPrefix(":"), !HeaderList.reserved.contains(name) else { continue }
            add(name, value)
        }
    }

    private static let reserved: Set<String> = [
        "content-type", "grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-encoding", "te", "connection",
        "content-length", "transfer-encoding",
    ]

    mutating func add(_ status: RPCStatus, _ trailers: [(String, String)]) {
        add("grpc-status", String(status.code.rawValue))
        if !status.message.isEmpty {
            var encoded: [UInt8] = []
            PercentEncoding.append(status.message, limit: RPCStatus.maximumMessageBytes, to: &encoded)
            add("grpc-message", String(decoding: encoded, as: UTF8.self))
        }
        if !status.details.isEmpty, status.details.count <= RPCStatus.maximumDetailsBytes {
            add("grpc-status-details-bin", Metadata.encodeBinary(status.details))
        }
        add(status.trailers)
        add(trailers)
    }

    /// Hands the list to an nghttp2 function, which copies it.
    func submit(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Int32) -> Int32 {
        arena.withUnsafeBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.count) { list in
                for (index, field) in fields.enumerated() {
                    // Offsets lie inside the arena; nghttp2 only reads through these pointers.
                    let base = UnsafeMutablePointer(mutating: bytes.baseAddress)
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

/// The two header lists of nearly every call, made once. Unchecked: never changed after `init`.
final class PrebuiltHeaders: @unchecked Sendable {
    let responseHeaders: UnsafeBufferPointer<nghttp2_nv>
    let okTrailers: UnsafeBufferPointer<nghttp2_nv>
    private let storage: UnsafeMutableBufferPointer<nghttp2_nv>

    init() {
        storage = .allocate(capacity: 3)
        storage.initializeElement(at: 0, to: PrebuiltHeaders.pair(":status", "200"))
        storage.initializeElement(at: 1, to: PrebuiltHeaders.pair("content-type", "application/grpc"))
        storage.initializeElement(at: 2, to: PrebuiltHeaders.pair("grpc-status", "0"))
        responseHeaders = UnsafeBufferPointer(rebasing: storage[0..<2])
        okTrailers = UnsafeBufferPointer(rebasing: storage[2..<3])
    }

    deinit { storage.deallocate() }

    private static func pair(_ name: StaticString, _ value: StaticString) -> nghttp2_nv {
        // Static strings live for ever and nghttp2 only reads them.
        nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.utf8Start),
            value: UnsafeMutablePointer(mutating: value.utf8Start),
            namelen: name.utf8CodeUnitCount, valuelen: value.utf8CodeUnitCount,
            flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue))
    }
}
