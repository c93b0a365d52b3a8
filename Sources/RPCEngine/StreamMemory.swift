/// What a call holds, counted for its connection, its party and the process.
extension Stream {
    /// Stream, context and nghttp2's own record, in bytes.
    private static let fixedBytes = 2_048

    private var memory: Int {
        Self.fixedBytes + headerBytes + inbox.capacity + body.capacity + heldRequest + expectedReply
    }

    /// Counts what the call holds and `more` bytes that it is about to hold. False, and nothing changed, when they do
    /// not fit into the party's or the process's budget.
    func reserve(_ more: Int = 0) -> Bool {
        let bytes = memory + more - charged
        guard bytes > 0 else { return true }
        if let account = context.memoryAccount, !account.reserve(bytes) { return false }
        guard connection.loop.memory.reserve(bytes) else {
            context.memoryAccount?.release(bytes)
            return false
        }
        charged += bytes
        return true
    }

    /// Counts what the call holds by now.
    func settle() {
        let bytes = memory - charged
        if bytes == 0 { return }
        charged += bytes
        if bytes > 0 {
            context.memoryAccount?.take(bytes)
            connection.loop.memory.take(bytes)
        } else {
            context.memoryAccount?.release(-bytes)
            connection.loop.memory.release(-bytes)
        }
    }

    /// The call is gone.
    func settleFinally() {
        context.memoryAccount?.release(charged)
        connection.loop.memory.release(charged)
        charged = 0
    }
}
