import ImportFormats
import InsightsAPI
import LicenseModel

/// Brings one customer up to date: reads all its sources, then sends what is new.
struct CustomerSync: Sendable {
    let run: SyncRun
    let customer: SyncCustomer
    let known: KnownCustomer?
    let access: TenantAccess
    let today: Day

    private var options: SyncOptions { run.options }

    /// Throws only when it is canceled, before anything of the customer was sent.
    func bringUpToDate() async throws -> CustomerOutcome {
        let outcome = CustomerOutcome(customer)
        if let failure = run.receiverState.failure { return outcome.failed(options.sources, failure) }
        let folder: AnswerFolder
        do {
            folder =
                if let kept = options.saveFolder {
                    try AnswerFolder(keptIn: kept, customer: customer.customerID)
                } else {
                    try AnswerFolder(temporaryIn: run.state.answerFolder)
                }
        } catch {
            return outcome.failed(options.sources, SourceFailure(.ingest, error.description))
        }
        let answers = try await CustomerAnswers.read(
            run.lists, access, sources: options.sources, activityFrom: firstActivityDay, today: today, in: folder)
        try Task.checkCancellation()
        // From here on to its end: what is sent in part would be sent again by the next run.
        let read = outcome
        let task = Task {
            try await run.senders.withPlace(priority: access.priority) { try await send(answers, read) }
        }
        return try await task.value
    }

    /// The day after the coverage, within the days that reports are there for; nil when all are covered.
    private var firstActivityDay: Day? {
        var first = today.advanced(by: 1 - Int(run.requests.limits.activityDays))
        if let since = options.since { first = max(first, since) }
        if let through = known?.through[.activity] { first = max(first, through.advanced(by: 1)) }
        return first <= today ? first : nil
    }

    // MARK: Sending

    private struct Source {
        var source: SyncSource
        var plan: ImportPlan
        var inspection: ImportInspection
        /// Of the rows as of today; nil for activity, whose coverage tells what is new.
        var digest: String?
    }

    private func send(_ answers: CustomerAnswers, _ read: CustomerOutcome) async throws -> CustomerOutcome {
        var state = run.state.load(customer.customerID)
        var (sources, outcome) = try await Readers.run {
            var outcome = read
            return (prepared(answers, &outcome), outcome)
        }
        await sendAll(sources, answers, &state, &outcome)
        if !options.isDryRun {
            if !outcome.hasFailed { state.lastSuccess = run.now() }
            do {
                try run.state.save(state)
            } catch {
                outcome.notes.append(error.description)
            }
        }
        return outcome
    }

    /// Sends what is new, source by source; one that the server refuses keeps no other out.
    private func sendAll(
        _ sources: [Source], _ answers: CustomerAnswers, _ state: inout SyncState.Customer,
        _ outcome: inout CustomerOutcome
    ) async {
        var current = sources.first?.source ?? options.sources.sorted().first ?? .catalog
        do {
            try await sendCustomer(sources, answers, &state, &outcome)
            for source in sources {
                current = source.source
                do {
                    try await send(source, &state, &outcome)
                } catch let refusal as SourceFailure {
                    outcome.failures.append((current, refusal))
                }
            }
        } catch let failure as SourceFailure {
            outcome.failures.append((current, failure))
        } catch {
            // Without the server nothing else can be sent either.
            let failure = SourceFailure(.ingest, run.text(of: error))
            run.receiverState.failed(failure)
            outcome.failures.append((current, failure))
        }
    }

    /// The imports of what was read, checked; failures go into the outcome.
    private func prepared(_ answers: CustomerAnswers, _ outcome: inout CustomerOutcome) -> [Source] {
        var sources: [Source] = []
        func take(_ source: SyncSource, _ files: CustomerAnswers.Files?, _ options: (() throws -> ImportOptions)) {
            guard let files else { return }
            do {
                let prepared = try prepare(source, try files.get(), try options())
                if let prepared { sources.append(prepared) }
            } catch let failure as SourceFailure {
                outcome.failures.append((source, failure))
            } catch {
                outcome.failures.append(
                    (source, SourceFailure(.malformed, "\(source.graph.title): \(run.text(of: error))")))
            }
        }
        func prepare(_ source: SyncSource, _ files: [InputFile], _ options: ImportOptions) throws -> Source? {
            if source == .activity { outcome.days = files.count }
            if files.isEmpty { return nil }
            let plan = ImportPlan(kind: source.kind, files: files, options: options)
            let inspection = try plan.inspect()
            var prepared = Source(source: source, plan: plan, inspection: inspection, digest: nil)
            if source != .activity { prepared.digest = try digest(plan, inspection) }
            outcome.notes += inspection.report.notesOfContent
            for left in inspection.report.leftOut where left.isFault {
                outcome.notes.append("\(source.graph.title): left out: \(left.count) × \(left.reason)")
            }
            return prepared
        }
        take(.catalog, self.options.sources.contains(.catalog) ? answers.catalog : nil) { importOptions(.catalog) }
        take(.subscriptions, answers.subscriptions) {
            var options = importOptions(.subscriptions)
            options.sinceCreation = known?.through[.subscriptions] == nil
            return options
        }
        take(.users, answers.users) {
            var options = importOptions(.users)
            guard case .success(let files)? = answers.catalog else {
                throw SourceFailure(.catalog, "users cannot be read for sure without subscribedSkus, which failed")
            }
            for file in files {
                let found = try SideFiles.customerSkus(file, options: options)
                options.extraSkuIDs += found.ids
                options.consumedUnits.merge(found.consumedUnits) { $1 }
            }
            // The directory says itself, of every SKU, that nobody holds it.
            options.acceptDrop =
                Set(options.extraSkuIDs).count == options.consumedUnits.count
                && options.consumedUnits.values.allSatisfy { $0 == 0 }
            return options
        }
        take(.activity, answers.activity) { importOptions(.activity) }
        for source in sources {
            switch source.source {
            case .subscriptions: outcome.subscriptions = source.inspection.report.count(of: "subscriptions")
            case .users: outcome.users = source.inspection.report.count(of: "users")
            case .catalog, .activity: break
            }
        }
        if answers.concealsNames == true {
            outcome.notes.append(
                "the reports of this customer conceal names: activity cannot be matched to license holders; an "
                    + "administrator there can show them (docs/sync.md, Concealed names)")
        }
        return sources
    }

    private func importOptions(_ source: SyncSource) -> ImportOptions {
        var options = ImportOptions(today: today)
        // A catalog is everybody's: told by many customers it is one batch.
        options.customerID = source.kind.needsCustomer ? customer.customerID : ""
        options.customerTenant = customer.tenantID
        options.date = source == .activity ? nil : today
        options.partnerTenants = run.configuration.partnerTenants
        options.salt = "sync \(today)"
        options.limits = GraphLists.importLimits
        return options
    }

    /// The same for a first import, whose rows hold since their creation, and a later one of the day.
    private func digest(_ plan: ImportPlan, _ inspection: ImportInspection) throws -> String {
        guard plan.options.sinceCreation else { return try plan.contentDigest(inspection) }
        var options = plan.options
        options.sinceCreation = false
        return try ImportPlan(kind: plan.kind, files: plan.files, options: options).contentDigest(inspection)
    }

    private func send(
        _ source: Source, _ state: inout SyncState.Customer, _ outcome: inout CustomerOutcome
    ) async throws {
        let day = today.description
        if let digest = source.digest, let sent = state.sent[source.source.rawValue], sent.digest == digest, let known {
            // A catalog has no day. Told anew it would take back the names that somebody gave it since.
            if source.source == .catalog { return }
            if sent.day == day, let through = known.through[source.source], through >= today { return }
        }
        // A first catalog that others have brought before is the same one; a changed one may be one of before.
        let isChange = source.source != .catalog || state.sent[source.source.rawValue] != nil
        try await send(source.plan, source.inspection, isChange: isChange, &outcome)
        if let digest = source.digest { state.sent[source.source.rawValue] = .init(day: day, digest: digest) }
    }

    /// Sends an import. The name of a batch follows from customer, source, day and content: what the server knows by it
    /// was sent before, and something else may have come since, so it is said once more under another name.
    private func send(
        _ plan: ImportPlan, _ inspection: ImportInspection, isChange: Bool, _ outcome: inout CustomerOutcome
    ) async throws {
        if options.isDryRun {
            outcome.facts += Int64(inspection.facts + inspection.coverage.count)
            return
        }
        var sent = try await take(plan, inspection)
        if sent.hasKnownBatches, isChange {
            var options = plan.options
            // The receipt has the revision of the first time, which says nothing about this one.
            options.salt += " \(customer.customerID) after \(run.revision)"
            sent = try await take(ImportPlan(kind: plan.kind, files: plan.files, options: options), inspection)
        }
        outcome.facts += sent.facts
    }

    /// The one place where something goes to the server. Nothing more does after a signal.
    private func take(_ plan: ImportPlan, _ inspection: ImportInspection) async throws -> SentFacts {
        if run.stop.isStopping { throw SourceFailure(.stopped, "ended by a signal; the next run goes on") }
        // Each call to a server that is gone takes its time to fail.
        if let failure = run.receiverState.failure { throw failure }
        do {
            let sent = try await run.receiver.send(plan, inspection)
            run.receiverState.answered()
            return sent
        } catch let refusal as SourceFailure {
            run.receiverState.answered()
            throw refusal
        }
    }

    // MARK: The customer itself

    /// Name, market and relationship, where the server does not know them yet.
    private func sendCustomer(
        _ sources: [Source], _ answers: CustomerAnswers, _ state: inout SyncState.Customer,
        _ outcome: inout CustomerOutcome
    ) async throws {
        // A customer that cannot be read tells nothing, not even since when it is one.
        let isActivityRead = if case .success? = answers.activity { true } else { false }
        guard !sources.isEmpty || isActivityRead else { return }
        var facts: [PBFact] = []
        let name = customer.name ?? known?.name ?? ""
        let market = customer.market ?? known?.market ?? ""
        if name != known?.name ?? "" || market != known?.market ?? "" {
            var fact = PBFact()
            fact.customer.customerID = customer.customerID
            fact.customer.name = name
            fact.customer.market = market
            facts.append(fact)
        }
        let plan = RelationshipPlan(
            partnerID: run.configuration.partnerID, customerID: customer.customerID, today: today)
        let history = sources.first { $0.source == .subscriptions }
        let relationship = plan.facts(
            known: known?.relationships ?? [], firstDay: firstDay(sources, answers),
            told: state.relationshipStart.flatMap { Day($0) },
            isFirstHistory: history?.plan.options.sinceCreation == true
                || isActivityRead && known?.through[.activity] == nil)
        facts += relationship.facts
        if let start = relationship.start { state.relationshipStart = start.description }
        guard !facts.isEmpty else { return }
        var lines = ""
        for fact in facts { lines += try fact.jsonString() + "\n" }
        var options = importOptions(.users)
        // What was taken back or renamed meanwhile is told anew.
        options.salt += " \(run.revision)"
        let told = ImportPlan(
            kind: .facts, files: [InputFile(name: "customer", bytes: Array(lines.utf8))], options: options)
        try await send(told, try told.inspect(), isChange: true, &outcome)
    }

    /// The first day that the sources tell about.
    private func firstDay(_ sources: [Source], _ answers: CustomerAnswers) -> Day {
        var first = today
        for source in sources where source.source == .subscriptions {
            if let day = Day(source.inspection.firstSubscriptionDay) { first = min(first, day) }
        }
        if let day = answers.firstActivityDay, case .success(let files)? = answers.activity, !files.isEmpty {
            first = min(first, day)
        }
        return first
    }
}

extension Set<SyncSource> {
    /// In the order of `SyncSource`.
    func sorted() -> [SyncSource] { SyncSource.allCases.filter(contains) }
}
