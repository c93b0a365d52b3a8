import ImportFormats
import LicenseModel
import Outgoing
import Synchronization

/// Lists page by page, and reports day by day.
struct GraphLists: Sendable {
    let requests: GraphRequests

    private var limits: SyncLimits { requests.limits }

    /// All pages of a list as files. Whatever an address of a next page looks like, it is asked as it is, and only of
    /// the host that was asked before.
    func pages(
        _ source: GraphSource, as kind: ImportKind, _ access: TenantAccess, named prefix: String,
        in folder: AnswerFolder
    ) async throws -> [InputFile] {
        let files = Mutex<[InputFile]>([])
        try await walk(source, access, named: prefix, in: folder) { file in
            let page = try AnswerPage(file.input, as: kind, limits: GraphLists.importLimits)
            files.withLock { $0.append(file.input) }
            return page
        }
        return files.withLock { $0 }
    }

    /// The partner's customers, in the order of the list.
    func customers(
        _ source: GraphSource, _ access: TenantAccess, in folder: AnswerFolder
    ) async throws -> (customers: [ListedCustomer], leftOut: [String]) {
        let found = Mutex((customers: [ListedCustomer](), known: Set<String>(), leftOut: [String]()))
        try await walk(source, access, named: source.rawValue, in: folder) { file in
            let page = try ListedCustomer.page(of: file.input, limits: GraphLists.importLimits)
            found.withLock { found in
                for customer in page.customers where found.known.insert(customer.tenantID).inserted {
                    found.customers.append(customer)
                }
                found.leftOut += page.leftOut
            }
            return page.page
        }
        let (customers, _, leftOut) = found.withLock { $0 }
        if customers.isEmpty, let first = leftOut.first {
            throw SourceFailure(.malformed, "\(source.title): no row is a customer: \(first)")
        }
        return (customers, leftOut)
    }

    /// One element of a list is a person, a subscription or a SKU.
    static var importLimits: ImportLimits {
        var limits = ImportLimits()
        limits.maximumLineBytes = 1 << 20
        return limits
    }

    private func walk(
        _ source: GraphSource, _ access: TenantAccess, named prefix: String, in folder: AnswerFolder,
        _ read: @escaping @Sendable (AnswerFile) throws -> AnswerPage
    ) async throws {
        folder.removeOld("\(prefix)-")
        guard let first = HTTPSAddress("\(requests.configuration.graph)/v1.0/\(source.path)") else {
            throw SourceFailure(.paging, "endpoints.graph makes no address")
        }
        var address = first
        var asked: Set<HTTPSAddress> = []
        for number in 1... {
            guard number <= limits.pages else {
                throw SourceFailure(.limit, "\(source.title): more than \(limits.pages) pages")
            }
            guard asked.insert(address).inserted else {
                throw SourceFailure(.paging, "\(source.title): page \(number) is one that came before")
            }
            let file = folder.file("\(prefix)-\(number).json")
            _ = try await requests.answer(source, address, access, into: file)
            let page = try await readable(source) { try read(file) }
            guard let link = page.nextAddress else { return }
            guard let next = Link.address(link, from: address) else {
                throw SourceFailure(.paging, "\(source.title): the link to the next page is no https address")
            }
            guard next.isSameOrigin(as: first) else {
                throw SourceFailure(
                    .paging, "\(source.title): the next page is not at \(first.host); it was not followed")
            }
            address = next
        }
    }

    /// What was found of one day: a report, nothing yet, or a failure.
    ///
    /// A class, because the optimizer of Swift 6.3.1 loses a part of a tuple `(Day, Result<InputFile?, any Error>)` on
    /// its way through a task group: a release build missed days of activity that a debug build of the same sources
    /// found, which the end-to-end tests tell on release executables (`Tests/long.sh`).
    private final class DayAnswer: Sendable {
        let day: Day
        let file: InputFile?
        let failure: (any Error)?

        init(day: Day, file: InputFile?, failure: (any Error)?) {
            self.day = day
            self.file = file
            self.failure = failure
        }
    }

    /// The reports of the days from `first` to today, up to the first that is not there yet. Several are asked for at
    /// once, at most three beyond the first that is missing.
    func reports(
        from first: Day, through today: Day, _ access: TenantAccess, in folder: AnswerFolder
    ) async throws -> [InputFile] {
        var found: [Day: InputFile] = [:]
        var missing: Day?
        var failure: (any Error)?
        await withTaskGroup(of: DayAnswer.self) { group in
            var next = first
            var unfinished: Set<Day> = []
            while true {
                let oldest = unfinished.min() ?? next
                let last = min(today, oldest.advanced(by: 3))
                while next <= last, missing == nil, failure == nil {
                    let day = next
                    unfinished.insert(day)
                    group.addTask {
                        do {
                            let file = try await report(of: day, access, in: folder)
                            return DayAnswer(day: day, file: file, failure: nil)
                        } catch {
                            return DayAnswer(day: day, file: nil, failure: error)
                        }
                    }
                    next = next.advanced(by: 1)
                }
                guard let answer = await group.next() else { return }
                unfinished.remove(answer.day)
                if let error = answer.failure {
                    // Those under way go on to their end: others may wait for the token that one has asked for.
                    failure = failure ?? error
                } else if let file = answer.file {
                    found[answer.day] = file
                } else {
                    missing = min(missing ?? answer.day, answer.day)
                }
            }
        }
        if let failure { throw failure }
        return found.filter { day, _ in missing.map { day < $0 } ?? true }.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Nil when it is not there yet.
    private func report(of day: Day, _ access: TenantAccess, in folder: AnswerFolder) async throws -> InputFile? {
        let text = "\(requests.configuration.graph)/v1.0/\(GraphSource.activity.path)(date=\(day))"
        guard let address = HTTPSAddress(text) else { throw SourceFailure(.paging, "endpoints.graph makes no address") }
        let file = folder.file("activity-\(day).csv")
        guard try await requests.report(address, access, into: file).status == 200 else { return nil }
        var input = file.input
        input.day = day
        let report = input
        let refresh = try await readable(.activity) { try ReportDay.refreshDay(of: report) }
        // A report with a header and no rows: nobody was active.
        guard let refresh else { return input }
        return refresh < day ? nil : input
    }

    /// What cannot be read is the source's failure.
    private func readable<Value: Sendable>(
        _ source: GraphSource, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        do {
            return try await Readers.run(body)
        } catch let problem as ImportProblem {
            throw SourceFailure(.malformed, "\(source.title): \(problem)")
        }
    }

    /// Whether reports show digests in place of names; nil when the setting cannot be read.
    func concealsNames(_ access: TenantAccess, in folder: AnswerFolder) async throws -> Bool? {
        let text = "\(requests.configuration.graph)/v1.0/\(GraphSource.settings.path)"
        guard let address = HTTPSAddress(text) else { return nil }
        let file = folder.file("report_settings.json")
        do {
            _ = try await requests.answer(.settings, address, access, into: file)
            return try SettingsAnswer.concealsNames(file.path)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            return nil
        }
    }
}
