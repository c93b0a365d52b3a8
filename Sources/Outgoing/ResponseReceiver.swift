/// Takes an answer as it arrives. Called on the client's one thread, one call after the other: must not block.
public protocol ResponseReceiver: Sendable {
    func receive(_ head: ResponseHead)

    /// False when no more is wanted for now: nothing is read from the server, and the transfer holds at most 16 KiB,
    /// until `HTTPSTransfer.resume`.
    func receive(_ bytes: [UInt8]) -> Bool

    /// The last call. Nil when the answer was whole.
    func finish(_ failure: OutgoingError?)
}
