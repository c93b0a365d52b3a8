import Glibc

/// A thread that runs one closure and ends.
public enum BackgroundThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// False when the system has no thread to give. Signals are for other threads; and a peer that goes away is an
    /// error of the write to it, not the end of the process by SIGPIPE.
    public static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        // Balanced by takeRetainedValue in the new thread, or by release below when there is none.
        let body = Unmanaged.passRetained(Body(run))
        let result = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_SETMASK, &all, nil)
                Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard result == 0 else {
            body.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
