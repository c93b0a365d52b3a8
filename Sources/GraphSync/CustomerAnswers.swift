import ImportFormats
import LicenseModel

/// Everything that the sources say about one customer, read whole before anything is sent.
struct CustomerAnswers: Sendable {
    typealias Files = Result<[InputFile], SourceFailure>

    /// Nil = not asked.
    var catalog: Files?
    var subscriptions: Files?
    var users: Files?
    var activity: Files?
    /// The first day of activity that was asked for.
    var firstActivityDay: Day?
    /// Reports show digests in place of names; nil = unknown.
    var concealsNames: Bool?

    /// Asks the sources at once. What fails is the failure of its source alone; only a cancellation is thrown.
    ///
    /// - Parameter activityFrom: nil when activity is covered through today.
    static func read(
        _ lists: GraphLists, _ access: TenantAccess, sources: Set<SyncSource>, activityFrom: Day?, today: Day,
        in folder: AnswerFolder
    ) async throws -> CustomerAnswers {
        var answers = CustomerAnswers()
        do {
            // One question for all of them: without a token nothing else needs to be asked.
            _ = try await access.tokens.token(for: access)
        } catch let failure as SourceFailure {
            answers.fail(sources, failure)
            return answers
        }
        // Users cannot be told without the SKUs of the same run.
        let needsCatalog = sources.contains(.catalog) || sources.contains(.users)
        async let catalog = needsCatalog ? list(lists, .catalog, access, today, folder) : nil
        async let subscriptions =
            sources.contains(.subscriptions) ? list(lists, .subscriptions, access, today, folder) : nil
        async let users = sources.contains(.users) ? list(lists, .users, access, today, folder) : nil
        let asksActivity = sources.contains(.activity) && activityFrom != nil
        async let conceals = asksActivity ? lists.concealsNames(access, in: folder) : nil
        if sources.contains(.activity) {
            if let activityFrom {
                answers.firstActivityDay = activityFrom
                answers.activity = try await result {
                    try await lists.reports(from: activityFrom, through: today, access, in: folder)
                }
            } else {
                answers.activity = .success([])
            }
        }
        answers.catalog = try await catalog
        answers.subscriptions = try await subscriptions
        answers.users = try await users
        answers.concealsNames = try await conceals
        return answers
    }

    private mutating func fail(_ sources: Set<SyncSource>, _ failure: SourceFailure) {
        if sources.contains(.catalog) { catalog = .failure(failure) }
        if sources.contains(.subscriptions) { subscriptions = .failure(failure) }
        if sources.contains(.users) { users = .failure(failure) }
        if sources.contains(.activity) { activity = .failure(failure) }
    }

    private static func list(
        _ lists: GraphLists, _ source: SyncSource, _ access: TenantAccess, _ today: Day, _ folder: AnswerFolder
    ) async throws -> Files {
        try await result {
            try await lists.pages(
                source.graph, as: source.kind, access, named: "\(source.rawValue)-\(today)", in: folder)
        }
    }

    private static func result(_ body: () async throws -> [InputFile]) async throws -> Files {
        do {
            return .success(try await body())
        } catch let failure as SourceFailure {
            return .failure(failure)
        } catch let failure as SyncFailure {
            // A file that cannot be written.
            return .failure(SourceFailure(.ingest, failure.description))
        }
    }
}
