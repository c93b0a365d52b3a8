import Synchronization
import Threads

/// A request under way.
public final class HTTPSTransfer: Sendable {
    let id: UInt64
    private let mailbox: Mailbox<ClientMessage>?
    /// Told beside the message, which may come before the request itself.
    private let canceled = Atomic(false)

    init(id: UInt64, mailbox: Mailbox<ClientMessage>?) {
        self.id = id
        self.mailbox = mailbox
    }

    var isCanceled: Bool { canceled.load(ordering: .acquiring) }

    /// Ends it with `.canceled`, unless it is over.
    public func cancel() {
        canceled.store(true, ordering: .releasing)
        mailbox?.post(.cancel(id))
    }

    /// The receiver wants bytes again.
    public func resume() {
        mailbox?.post(.resume(id))
    }
}
