import GRPCCore

/// Puts the messages of a response together: a byte that says whether it is compressed, four of length, the message.
struct MessageAssembler {
    let maximum: Int
    private var prefix: [UInt8] = []
    private var message: [UInt8] = []
    private var length: Int?

    init(maximum: Int) { self.maximum = maximum }

    /// Bytes of a message that is not whole yet.
    var partialBytes: Int { prefix.count + message.count }

    /// Takes bytes and calls `deliver` for each message that they complete.
    mutating func append(
        _ bytes: UnsafeBufferPointer<UInt8>, deliver: ([UInt8]) -> Void
    ) throws(RPCError) {
        var rest = bytes[...]
        while true {
            guard let length else {
                let part = rest.prefix(5 - prefix.count)
                prefix.append(contentsOf: part)
                rest = rest.dropFirst(part.count)
                guard prefix.count == 5 else { return }
                try readPrefix()
                continue
            }
            let part = rest.prefix(length - message.count)
            message.append(contentsOf: part)
            rest = rest.dropFirst(part.count)
            guard message.count == length else { return }
            deliver(message)
            message = []
            prefix.removeAll(keepingCapacity: true)
            self.length = nil
        }
    }

    private mutating func readPrefix() throws(RPCError) {
        guard prefix[0] == 0 else {
            throw RPCError(code: .internalError, message: "the server compressed a message, which nobody had allowed")
        }
        let count = prefix[1...].reduce(0) { $0 << 8 | Int($1) }
        guard count <= maximum else {
            throw RPCError(
                code: .resourceExhausted, message: "the answer has a message of \(count) bytes, \(maximum) are allowed")
        }
        length = count
        // A claim alone is worth no more than this; the rest is given as bytes come.
        message.reserveCapacity(min(count, 65_536))
    }
}
