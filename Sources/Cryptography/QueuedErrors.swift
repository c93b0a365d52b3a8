import COpenSSL

/// Runs what may fail on something that was read, and takes back what the library notes about it: its queue of errors
/// belongs to the thread, which may be an event loop that reads the queue after a step of TLS.
func withoutQueuedErrors<Result>(_ body: () -> Result) -> Result {
    // An empty queue takes no mark, and is emptied.
    _ = ERR_set_mark()
    defer { _ = ERR_pop_to_mark() }
    return body()
}
