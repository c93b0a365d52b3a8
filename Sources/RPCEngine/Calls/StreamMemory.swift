/// What a call holds, counted for its connection, its party and the process.
extension Stream {
    /// Stream, context and nghttp2's own record, in bytes.
    static let fixedBytes = 2_048

    private var memory: Int {
        Self.fixedBytes + headerBytes + inbox.capacity + body.capacity + heldRequest + expectedReply
    }

    /// What was counted for the stream before it had a call, in whose account besides the process's.
    func charge(_ bytes: Int, _ owner: MemoryAccount?) {
        charged = bytes
        account = owner
        owner?.take(bytes)
    }

    /// Counts what the call holds and `more` bytes that it is about to hold. False, and nothing changed, when they do
    /// not fit into the party's or the process's budget.
    func reserve(_ more: Int = 0) -> Bool {
        let bytes = memory + more - charged
        guard bytes > 0 else { return true }
        if let account, !account.reserve(bytes) { return false }
        guard connection.loop.memory.reserve(bytes) else {
            account?.release(bytes)
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
            account?.take(bytes)
            connection.loop.memory.take(bytes)
        } else {
            account?.release(-bytes)
            connection.loop.memory.release(-bytes)
        }
    }

    /// For what was allowed to be sent before the budget was used up, while the stream waits for its handler: a
    /// sixteenth more.
    func reserveUnderWay(_ more: Int) -> Bool {
        if reserve(more) { return true }
        let bytes = memory + more - charged
        if let account, account.used > account.limit + account.limit / 16 { return false }
        guard connection.loop.memory.reserveToRefuse(bytes) else { return false }
        account?.take(bytes)
        charged += bytes
        return true
    }

    /// The call is somebody's, whose budget counts it from now on. False when that is used up.
    func adopt(_ owner: MemoryAccount) -> Bool {
        guard owner.reserve(charged) else { return false }
        account?.release(charged)
        account = owner
        return true
    }

    /// What is for anybody counts as strangers', whoever asks for it. False when they hold as much as they may.
    func adoptForAnybody() -> Bool { account != nil || adopt(connection.loop.shared.strangers) }

    /// Lets go of the headers of a call that no handler will see.
    func dropHeaders() {
        context.metadata = Metadata()
        // The log still wants these.
        headerBytes = context.authorityBytes.capacity + context.unknownPath.utf8.count
        settle()
    }

    /// The call is gone.
    func settleFinally() {
        account?.release(charged)
        connection.loop.memory.release(charged)
        charged = 0
        account = nil
    }
}
