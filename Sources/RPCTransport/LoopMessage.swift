/// What tasks and helper threads ask of a transport's loop.
enum LoopMessage: Sendable {
    /// A call is new, has more to send, or has room for more.
    case changed(Call)
    /// Whoever made the call has let go of it.
    case left(Call)
    case resolved(number: Int, Result<[ResolvedAddress], Reason>)
    case stop
}
