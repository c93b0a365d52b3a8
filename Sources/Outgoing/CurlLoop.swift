import CCurl
import Threads

/// The thread of one client: every transfer of libcurl's multi interface, made, moved and ended here alone.
final class CurlLoop {
    /// Once in the process, before anything else of the library.
    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Milliseconds that the thread sleeps at most; whatever happens wakes it before.
    private static let longestWait: Int32 = 60_000

    private let mailbox: Mailbox<ClientMessage>
    /// Freed in deinit, after every transfer was taken out.
    private let multi: UnsafeMutableRawPointer?
    private var transfers: [UInt64: CurlTransfer] = [:]

    init(_ mailbox: Mailbox<ClientMessage>) {
        self.mailbox = mailbox
        multi = Self.isLibraryReady ? curl_multi_init() : nil
    }

    deinit { curl_multi_cleanup(multi) }

    func run() {
        repeat { mailbox.take().forEach(take) } while !mailbox.isShut && step()
        // Where the library cannot go on, whoever comes later is told at once.
        for message in mailbox.shut() { message.refuse() }
        for transfer in Array(transfers.values) { end(transfer, .unavailable) }
    }

    /// Moves every transfer as far as it goes and waits for more to do. False when the library gives up.
    private func step() -> Bool {
        guard let multi else { return false }
        var running: Int32 = 0
        guard curl_multi_perform(multi, &running) == CURLM_OK else { return false }
        var code = CURLE_OK
        var hasEnded = false
        while let easy = ccurl_next_ended(multi, &code) {
            hasEnded = true
            guard let transfer = CurlTransfer.of(easy) else { continue }
            remove(transfer)
            transfer.finish(code)
        }
        return hasEnded || ccurl_poll(multi, mailbox.wakeFD, Self.longestWait) == CURLM_OK
    }

    private func take(_ message: ClientMessage) {
        switch message {
        case .start(let handle, let request, let receiver): begin(handle, request, receiver)
        case .resume(let id): transfers[id]?.resume()
        case .cancel(let id):
            if let transfer = transfers[id] { end(transfer, .canceled) }
        }
    }

    private func begin(_ handle: HTTPSTransfer, _ request: HTTPSRequest, _ receiver: any ResponseReceiver) {
        func refuse(_ cause: OutgoingError.Cause) {
            receiver.finish(OutgoingError(host: request.address.host, cause: cause, detail: nil))
        }
        if handle.isCanceled { return refuse(.canceled) }
        guard let headers = request.headerLines else { return refuse(.invalidRequest) }
        guard let multi, let transfer = CurlTransfer(handle.id, request, receiver) else { return refuse(.unavailable) }
        guard transfer.prepare(headers), curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else {
            return refuse(.unavailable)
        }
        transfers[handle.id] = transfer
    }

    private func end(_ transfer: CurlTransfer, _ cause: OutgoingError.Cause) {
        remove(transfer)
        transfer.finish(because: cause)
    }

    private func remove(_ transfer: CurlTransfer) {
        transfers[transfer.id] = nil
        if let multi { curl_multi_remove_handle(multi, transfer.easy) }
    }
}
