/// Bounds of what is asked and of how long it is tried.
public struct SyncLimits: Sendable {
    /// Bytes of one answer.
    public var answerBytes = 64 << 20
    /// Bytes of an answer that tells of an error or holds a token.
    public var shortAnswerBytes = 256 << 10
    /// Answers of one list.
    public var pages = 10_000
    /// Seconds without a byte.
    public var silentSeconds = 60
    /// From the first to the last byte of one answer; one byte now and then would take for ever.
    public var totalTime: Duration = .seconds(1_800)
    /// Requests at once for one tenant.
    public var requestsPerTenant = 4

    /// The same where all tenants together have `parallel`: one place is for the others, as a tenant that answers
    /// slowly or not at all keeps its own.
    func requestsPerTenant(of parallel: Int) -> Int { max(1, min(requestsPerTenant, parallel - 1)) }
    /// Tries of one request before the source has failed.
    public var tries = 8
    /// Tries of a request whose answer fell silent.
    public var silentTries = 2
    /// The first pause after a failure; each further one is twice as long, up to the longest.
    public var firstPause: Duration = .seconds(1)
    public var longestPause: Duration = .seconds(20)
    /// All pauses of one request together: a server that wants more is left for the next run.
    public var longestWait: Duration = .seconds(1_800)
    /// The days of activity that are asked for, today included.
    public var activityDays: Int32 = 28

    public init() {}
}
