import Foundation
import Outgoing
import Synchronization

/// How an issuer's keys are kept fresh.
public struct KeySettings: Sendable {
    /// Seconds between two looks at a file.
    public var filePollSeconds = 2.0
    /// Seconds between two fetches of a URL that answers.
    public var refreshSeconds = 3_600.0
    /// Seconds to the first new attempt after a failure; doubles up to `unknownKeySeconds`.
    public var retrySeconds = 15.0
    /// Seconds within which tokens with unknown keys make a URL be fetched at most once.
    public var unknownKeySeconds: Int64 = 300
    /// Seconds within which tokens with unknown keys make a file be read at most once.
    public var unknownFileKeySeconds: Int64 = 1
    /// Seconds that one fetch may take, and bytes of its answer.
    public var timeoutSeconds = 10.0
    public var maximumBytes = 1_048_576
    /// A PEM file of the authorities that an https server may be certified by; nil means the system's.
    public var trustRootsFile: String?

    public init() {}
}

/// A change in how reading an issuer's keys goes, for the log: new keys, a first or another failure, an end of one.
public struct KeySetEvent: Sendable, Hashable {
    public let issuer: String
    /// Usable keys; nil when the attempt failed and the keys of before stay in use.
    public let keys: Int?
    public let failure: KeySetError?
}

/// Fetches a key set over the network; tests put their own in its place.
protocol KeySetFetcher: Sendable {
    func fetch(_ address: HTTPSAddress, settings: KeySettings) throws(KeySetError) -> [UInt8]
    /// Ends what is under way; no fetch succeeds after that.
    func end()
}

extension KeySetFetcher {
    func end() {}
}

/// The keys of one issuer, kept fresh by a thread of their own. The last good keys stay in use for as long as new
/// ones cannot be read.
final class KeySetSource: Sendable {
    private struct State {
        var keys = KeySet.empty
        /// Changes with the keys.
        var version: UInt64 = 0
        var content: [UInt8] = []
        /// Attempts that failed since the last that did not, and why the last did.
        var failures = 0
        var failure: KeySetError?
        /// Unix second of the last attempt that an unknown key caused.
        var askedAt: Int64?
    }

    private let issuer: TokenIssuer
    private let settings: KeySettings
    private let fetcher: any KeySetFetcher
    private let report: @Sendable (KeySetEvent) -> Void
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let isStopped = Atomic(false)

    init(
        _ issuer: TokenIssuer, settings: KeySettings, fetcher: any KeySetFetcher,
        report: @escaping @Sendable (KeySetEvent) -> Void
    ) {
        self.issuer = issuer
        self.settings = settings
        self.fetcher = fetcher
        self.report = report
    }

    var current: (keys: KeySet, version: UInt64) { state.withLock { ($0.keys, $0.version) } }

    /// Reads a file at once, and fails when it does not hold keys: a wrong setting should stop the start. A URL is
    /// left to the thread, for its server may be out of order while certificates still do.
    func start() throws(KeySetError) {
        if isFile { try read() }
        Thread.detachNewThread { [weak self] in
            guard let (wake, isFile) = self.map({ ($0.wake, $0.isFile) }) else { return }
            var wait = isFile ? self?.pause : 0
            while let seconds = wait {
                _ = wake.wait(timeout: .now() + seconds)
                wait = self?.step()
            }
        }
    }

    func stop() {
        isStopped.store(true, ordering: .relaxed)
        wake.signal()
    }

    private var isFile: Bool {
        if case .file = issuer.keys { return true }
        return false
    }

    /// One attempt of the thread, and the seconds to the next; nil to end.
    private func step() -> Double? {
        if isStopped.load(ordering: .relaxed) { return nil }
        try? load()
        return pause
    }

    private var pause: Double {
        if isFile { return settings.filePollSeconds }
        let failures = state.withLock { $0.failures }
        guard failures > 0 else { return settings.refreshSeconds }
        let doubled = settings.retrySeconds * Double(1 << min(failures - 1, 10))
        return min(doubled, Double(settings.unknownKeySeconds))
    }

    /// A token came with a key that is not here: has the thread look for it, at most once in `unknownKeySeconds`
    /// (a file: `unknownFileKeySeconds`) however many such tokens come. Does no I/O: the caller's thread serves calls.
    func keyIsUnknown(now: Int64) {
        let interval = isFile ? settings.unknownFileKeySeconds : settings.unknownKeySeconds
        let due = state.withLock { state in
            // As long as there are no keys at all, the thread is trying to get some anyway.
            if state.version == 0 { return false }
            // A clock that was put back must not stop the reading for years.
            if let last = state.askedAt, last <= now, now - last < interval { return false }
            state.askedAt = now
            return true
        }
        if due { wake.signal() }
    }

    /// An attempt of the thread, with a word to the log when it ends otherwise than the one before.
    private func load() throws(KeySetError) {
        do throws(KeySetError) {
            try read()
        } catch {
            let isNews = state.withLock { state in
                defer { state.failure = error }
                state.failures = min(state.failures + 1, 1_000)
                return state.failure != error
            }
            if isNews { report(KeySetEvent(issuer: issuer.issuer, keys: nil, failure: error)) }
            throw error
        }
    }

    private func read() throws(KeySetError) {
        let content =
            switch issuer.keys {
            case .file(let path): try BoundedFile.read(path, limit: settings.maximumBytes)
            case .url(let address): try fetcher.fetch(address, settings: settings)
            }
        let known = state.withLock { $0.version > 0 && $0.content == content ? $0.keys : nil }
        let keys = if let known { known } else { try KeySet(json: content, allowed: issuer.algorithms) }
        let isNews = state.withLock { state in
            let isNews = known == nil || state.failure != nil
            state.failures = 0
            state.failure = nil
            if known == nil {
                state.keys = keys
                state.content = content
                state.version &+= 1
            }
            return isNews
        }
        if isNews { report(KeySetEvent(issuer: issuer.issuer, keys: keys.count, failure: nil)) }
    }
}
