/// What other threads ask of a client's thread.
enum ClientMessage: Sendable {
    case start(HTTPSTransfer, HTTPSRequest, any ResponseReceiver)
    case resume(UInt64)
    case cancel(UInt64)

    /// Ends a request that the thread will not begin.
    func refuse() {
        guard case .start(_, let request, let receiver) = self else { return }
        receiver.finish(OutgoingError(host: request.address.host, cause: .unavailable, detail: nil))
    }
}
