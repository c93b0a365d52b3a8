import Glibc

/// A value behind a lock. Unlike `Synchronization.Mutex`, whose kernel hand-over the thread sanitizer cannot see by
/// itself, a pthread mutex keeps the sanitizer's reports free of false alarms.
/// Unchecked: `value` is touched with the mutex held, and nowhere else.
public final class Locked<Value>: @unchecked Sendable {
    // Allocated here, destroyed in deinit; a pthread mutex must not move.
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline @exclusivity(unchecked) var value: Value

    @inlinable
    public init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
