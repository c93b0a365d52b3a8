/// What other threads ask of an event loop.
enum LoopMessage: Sendable {
    case reply(StreamToken, Result<[UInt8], RPCStatus>)
    /// What the body of a call in another form than gRPC's says.
    case webMessage(StreamToken, Result<[UInt8], WebFailure>)
    /// What such a call is answered with.
    case webResponse(StreamToken, WebResponse)
    case wake(StreamToken)
    case resumeReading(StreamToken)
    /// Stop accepting, announce the end to every peer; connections that outlive the grace (nanoseconds) are cut.
    case drain(grace: UInt64)
    /// End every call and connection now, and the loop itself.
    case stop
}
