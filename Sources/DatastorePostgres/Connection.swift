import CLibPQ
import Datastore
import Synchronization

/// A connection to PostgreSQL. Blocking, for one thread at a time. What is sent together makes one round trip (libpq's
/// pipeline mode), and every wait has a deadline on this side, after which the connection is closed.
/// Unchecked: used behind the lock of its lane, or by the one function that opened it.
final class Connection: @unchecked Sendable {
    /// What libpq tells beside answers.
    private final class Notes {
        var warnings = 0
    }

    private static let opened = Atomic<UInt64>(0)

    private let handle: OpaquePointer
    private let notes: Notes
    /// No other connection of the process has or had it.
    let number = opened.add(1, ordering: .relaxed).newValue
    private var prepared: Set<String> = []
    private var isOpen = true

    private init(connected handle: OpaquePointer) {
        self.handle = handle
        notes = Notes()
    }

    deinit {
        PQfinish(handle)
    }

    /// Whether it can be used further. Ends with the first loss.
    var isUsable: Bool { isOpen && PQstatus(handle) == CONNECTION_OK }

    /// Whether what is sent is protected, or does not leave the machine.
    var isPrivate: Bool {
        if PQsslInUse(handle) != 0 { return true }
        guard let text = PQhost(handle) else { return false }
        let host = String(cString: text)
        return host.hasPrefix("/") || host.hasPrefix("@") || host == "localhost" || host == "::1"
            || host.hasPrefix("127.")
    }

    var isInTransaction: Bool { PQtransactionStatus(handle) != PQTRANS_IDLE }

    /// Of the process that serves it, of which the server's views tell.
    var backend: Int32 { PQbackendPID(handle) }

    /// Such as 150018.
    var serverVersion: Int { Int(PQserverVersion(handle)) }

    // MARK: - Connecting

    /// Connects to the first host that answers and is fit for the purpose, and sets the session up.
    static func open(_ conninfo: Conninfo, for purpose: Session.Purpose) throws(DatastoreError) -> Connection {
        let parameters = conninfo.parameters(purpose)
        let hosts = try hosts(of: parameters)
        var failure = DatastoreError.unavailable("it does not answer")
        for host in hosts {
            do throws(DatastoreError) {
                let connection = try open(parameters.merging(host) { $1 })
                try connection.setUp(purpose)
                return connection
            } catch {
                // What somebody has to mend is told rather than that another host does not answer.
                if case .notAccessible = failure { continue }
                failure = error
            }
        }
        throw failure
    }

    /// The hosts one by one, because libpq has a limit of time for each of them only where it may block.
    private static func hosts(of parameters: [String: String]) throws(DatastoreError) -> [[String: String]] {
        let started = try start(parameters)
        defer { PQfinish(started) }
        guard let options = PQconninfo(started) else {
            throw .invalid("the name of the store is no connection string of PostgreSQL")
        }
        defer { PQconninfoFree(options) }
        let found = words(of: options)
        let lists = ["host", "hostaddr", "port"].map { word in
            (word, (found[word] ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init))
        }
        let count = lists.prefix(2).map(\.1.count).max() ?? 1
        guard count > 1 else { return [[:]] }
        return (0..<count).map { index in
            var one: [String: String] = [:]
            for (word, values) in lists {
                // One port is for all hosts.
                let value = values.count == 1 && word == "port" ? values.first : values.dropFirst(index).first
                one[word] = value ?? ""
            }
            return one
        }
    }

    private static func start(_ parameters: [String: String]) throws(DatastoreError) -> OpaquePointer {
        let keywords = CStrings(parameters.map(\.key))
        let values = CStrings(parameters.map(\.value))
        let started = keywords.withPointers { keywords in
            values.withPointers { values in PQconnectStartParams(keywords, values, 0) }
        }
        guard let started else { throw .unavailable("there is no memory for a connection") }
        // From here on errors have codes, where there are any, and no texts of the server.
        _ = PQsetErrorVerbosity(started, PQERRORS_SQLSTATE)
        return started
    }

    private static func open(_ parameters: [String: String]) throws(DatastoreError) -> Connection {
        let started = try start(parameters)
        let connection = Connection(connected: started)
        // Unretained: the connection outlives what it is given to.
        PQsetNoticeReceiver(started, noteWarning, Unmanaged.passUnretained(connection.notes).toOpaque())
        let deadline = Deadline(Session.connectTime)
        var state = PGRES_POLLING_WRITING
        while PQstatus(started) != CONNECTION_BAD {
            guard connection.waits(reading: state == PGRES_POLLING_READING, deadline) else {
                throw .unavailable("it does not answer")
            }
            state = PQconnectPoll(started)
            if state == PGRES_POLLING_OK { return connection }
            if state == PGRES_POLLING_FAILED { break }
        }
        throw connectFailure(PQerrorMessage(started).map { String(cString: $0) } ?? "")
    }

    /// Waits until the socket can be read, or else written. False when the time is over.
    private func waits(reading: Bool, _ deadline: Deadline) -> Bool {
        let socket = PQsocket(handle)
        // Between two addresses of a host there may be none.
        guard socket >= 0 else { return true }
        while true {
            let milliseconds = deadline.milliseconds
            guard milliseconds > 0 else { return false }
            let ready = clibpq_wait(socket, reading ? 0 : 1, reading ? 1 : 0, milliseconds)
            if ready > 0 { return true }
        }
    }

    /// Why connecting failed, of which libpq has only a text: by its code where it has one, else by words of libpq.
    static func connectFailure(_ text: String) -> DatastoreError {
        if let place = text.firstRange(of: "FATAL:  ") {
            return SQLState(String(text[place.upperBound...].prefix(5))).map(startFailure)
                ?? .unavailable("it refuses connections")
        }
        let reasons: [(words: [String], error: DatastoreError)] = [
            (["no password supplied"], .notAccessible("it asks for a password, and the password file has none")),
            (["certificate", "SSL"], .notAccessible("the protected connection to it was refused")),
            (["service file", "definition of service"], .notAccessible("its service is not in the service file")),
            (["invalid", "could not match"], .invalid("the name of the store has a value that is not allowed")),
            (
                ["read-only", "hot standby", "read-write"],
                .unavailable("it accepts no changes: a standby, or read-only")
            ),
        ]
        for (words, error) in reasons where words.contains(where: { text.contains($0) }) { return error }
        return .unavailable("it does not answer")
    }

    private static func startFailure(_ state: SQLState) -> DatastoreError {
        switch state {
        case .unknownDatabase: .notAccessible("its database does not exist")
        case .insufficientPrivilege: .notAccessible("its user may not connect to the database")
        case .invalidPassword, .invalidAuthorization: .notAccessible("its user or password was refused")
        default: PostgresFailure.Refusal(state: state, purpose: "connect").error
        }
    }

    private func setUp(_ purpose: Session.Purpose) throws(DatastoreError) {
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else {
            throw .unavailable("there is no memory for a connection")
        }
        try storing { () throws(PostgresFailure) in
            _ = try exchange([Session.settings(purpose)])
        }
    }

    // MARK: - Statements

    /// Sends the commands together and returns what each answered. When one is refused, those after it are not run.
    func exchange(
        _ commands: [Command], within time: Duration = Session.answerTime
    ) throws(PostgresFailure) -> [Rows] {
        guard isUsable else { throw .lost(nil) }
        let deadline = Deadline(time)
        var steps: [Step] = []
        for (index, command) in commands.enumerated() {
            let name = command.statement.name
            if name.isEmpty || !prepared.contains(name) && !steps.contains(.prepare(name)) {
                try require(prepare(command))
                steps.append(.prepare(name))
            }
            try require(send(command))
            steps.append(.run(index))
        }
        try require(PQpipelineSync(handle) == 1)
        return try answers(to: commands, steps, deadline)
    }

    /// The same with a COMMIT at the end. `lost` and `unconfirmed` leave open whether it is durable; after `refused`
    /// nothing of the transaction is.
    func commit(_ commands: [Command]) throws(PostgresFailure) {
        let before = notes.warnings
        let answers = try exchange(commands + [Command(.commit)])
        // Without an error, what was to be committed may be rolled back: then it says so.
        guard answers.last?.tag == "COMMIT" else { throw .malformed }
        guard notes.warnings == before else { throw .unconfirmed }
    }

    private enum Step: Equatable {
        case prepare(String)
        /// The command of that index.
        case run(Int)
    }

    private func require(_ isSent: Bool) throws(PostgresFailure) {
        guard !isSent else { return }
        close()
        throw .lost(nil)
    }

    private func prepare(_ command: Command) -> Bool {
        let types = command.parameters.map(\.typeNumber)
        let statement = command.statement
        return PQsendPrepare(handle, statement.name, statement.sql, Int32(types.count), types) == 1
    }

    private func send(_ command: Command) -> Bool {
        // One buffer; a pointer into it for each value.
        var bytes: [UInt8] = []
        var places: [(start: Int, length: Int)?] = []
        for parameter in command.parameters {
            let start = bytes.count
            places.append(parameter.write(to: &bytes) ? (start, bytes.count - start) : nil)
        }
        bytes.append(0)
        let lengths = places.map { Int32(truncatingIfNeeded: $0?.length ?? 0) }
        let formats = places.map { _ in Int32(1) }
        return bytes.withUnsafeBytes { buffer in
            let base = buffer.bindMemory(to: CChar.self).baseAddress
            let values: [UnsafePointer<CChar>?] = places.map { place in place.flatMap { base?.advanced(by: $0.start) } }
            return PQsendQueryPrepared(
                handle, command.statement.name, Int32(values.count), values, lengths, formats, 1) == 1
        }
    }

    private func answers(
        to commands: [Command], _ steps: [Step], _ deadline: Deadline
    ) throws(PostgresFailure) -> [Rows] {
        var rows = commands.map { _ in Rows() }
        var refusal: PostgresFailure?
        var done = 0
        while true {
            // A command's answer ends with nothing; the pipeline's end is an answer of its own.
            guard let result = try nextResult(deadline) else {
                done += 1
                guard done <= steps.count else {
                    close()
                    throw .malformed
                }
                continue
            }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_PIPELINE_SYNC:
                if let refusal { throw refusal }
                guard done == steps.count else {
                    close()
                    throw .malformed
                }
                return rows
            case PGRES_PIPELINE_ABORTED: continue
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
                guard done < steps.count else {
                    close()
                    throw .malformed
                }
                switch steps[done] {
                case .prepare(let name): if !name.isEmpty { prepared.insert(name) }
                case .run(let index): rows[index] = Self.rows(of: result)
                }
            case PGRES_FATAL_ERROR:
                let purpose = Self.purpose(of: done < steps.count ? steps[done] : nil, commands)
                refusal = try failure(of: result, purpose)
            default:
                close()
                throw .malformed
            }
        }
    }

    private static func purpose(of step: Step?, _ commands: [Command]) -> String {
        switch step {
        case .run(let index): commands[index].statement.purpose
        case .prepare(let name): commands.first { $0.statement.name == name }?.statement.purpose ?? "do it"
        case nil: "end it"
        }
    }

    /// Throws for an error after which the connection is gone.
    private func failure(of result: OpaquePointer, _ purpose: String) throws(PostgresFailure) -> PostgresFailure {
        let state = clibpq_sqlstate(result).flatMap { SQLState(String(cString: $0)) }
        let severity = clibpq_severity(result).map { String(cString: $0) }
        guard let state, severity == "ERROR" else {
            close()
            throw .lost(state)
        }
        let constraint = clibpq_constraint(result).map { String(cString: $0) }
        return .refused(PostgresFailure.Refusal(state: state, constraint: constraint, purpose: purpose))
    }

    private func nextResult(_ deadline: Deadline) throws(PostgresFailure) -> OpaquePointer? {
        while true {
            let unsent = PQflush(handle)
            guard unsent >= 0 else { return try lose() }
            if PQisBusy(handle) == 0 {
                let result = PQgetResult(handle)
                if result == nil, PQstatus(handle) != CONNECTION_OK { return try lose() }
                return result
            }
            let milliseconds = deadline.milliseconds
            guard milliseconds > 0 else { return try lose() }
            let ready = clibpq_wait(PQsocket(handle), unsent, 1, milliseconds)
            guard ready <= 0 || PQconsumeInput(handle) == 1 else { return try lose() }
        }
    }

    /// What the server said last may still be waiting, such as that it stops.
    private func lose() throws(PostgresFailure) -> OpaquePointer? {
        var state: SQLState?
        // Of a connection that is there an answer would be waited for.
        while PQstatus(handle) == CONNECTION_BAD, let result = PQgetResult(handle) {
            state = state ?? clibpq_sqlstate(result).flatMap { SQLState(String(cString: $0)) }
            PQclear(result)
        }
        close()
        throw .lost(state)
    }

    private static func rows(of result: OpaquePointer) -> Rows {
        let columns = PQnfields(result)
        var rows = Rows(tag: String(cString: PQcmdStatus(result)), columns: Int(columns))
        let count = PQntuples(result)
        rows.cells.reserveCapacity(Int(count) * Int(columns))
        for row in 0..<count {
            for column in 0..<columns {
                if PQgetisnull(result, row, column) == 1 {
                    rows.cells.append(nil)
                } else {
                    let length = Int(PQgetlength(result, row, column))
                    rows.cells.append(
                        [UInt8](UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: length)))
                }
            }
        }
        return rows
    }

    /// From here on everything fails with `lost`. The socket is closed when the last one lets the connection go.
    func close() { isOpen = false }

    // MARK: - Notifications

    /// Waits for a notification, for the given time at most or until the waker is woken. Returns whether one came.
    func waitForNotification(_ time: Duration, or waker: Waker? = nil) throws(PostgresFailure) -> Bool {
        guard isUsable else { throw .lost(nil) }
        let deadline = Deadline(time)
        while true {
            if takeNotifications() { return true }
            let milliseconds = deadline.milliseconds
            guard milliseconds > 0, waker?.isWoken != true else { return false }
            let ready = clibpq_wait_either(PQsocket(handle), waker?.descriptor ?? -1, milliseconds)
            guard ready <= 0 || PQconsumeInput(handle) == 1 else {
                close()
                throw .lost(nil)
            }
        }
    }

    private func takeNotifications() -> Bool {
        var came = false
        while let notification = PQnotifies(handle) {
            came = true
            PQfreemem(notification)
        }
        return came
    }
}

extension Connection {
    private static let noteWarning: PQnoticeReceiver = { context, result in
        guard let context, let severity = clibpq_severity(result), String(cString: severity) == "WARNING" else {
            return
        }
        Unmanaged<Notes>.fromOpaque(context).takeUnretainedValue().warnings += 1
    }

    /// The words of a connection string; nil when it is none.
    static func parse(_ text: String) -> [String: String]? {
        var complaint: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(text, &complaint)
        // It may repeat what was given, a password with it.
        PQfreemem(complaint)
        guard let options else { return nil }
        defer { PQconninfoFree(options) }
        return words(of: options)
    }

    private static func words(of options: UnsafeMutablePointer<PQconninfoOption>) -> [String: String] {
        var words: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { words[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return words
    }
}

/// Texts for C, and a null pointer behind them.
private struct CStrings {
    private var bytes: [CChar] = []
    private var starts: [Int] = []

    init(_ texts: [String]) {
        for text in texts {
            starts.append(bytes.count)
            bytes.append(contentsOf: text.utf8CString)
        }
    }

    func withPointers<Result>(_ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { buffer in
            let pointers: [UnsafePointer<CChar>?] = starts.map { buffer.baseAddress?.advanced(by: $0) } + [nil]
            return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
        }
    }
}

/// Ends a wait from another thread, once and for all.
final class Waker: Sendable {
    fileprivate let descriptor: Int32 = clibpq_make_signal()
    private let woken = Atomic<Bool>(false)

    deinit {
        if descriptor >= 0 { clibpq_close(descriptor) }
    }

    var isWoken: Bool { woken.load(ordering: .acquiring) }

    func wake() {
        woken.store(true, ordering: .releasing)
        clibpq_signal(descriptor)
    }
}

/// A moment by this machine's clock.
struct Deadline: Sendable {
    private let end: ContinuousClock.Instant

    init(_ time: Duration) {
        end = .now.advanced(by: time)
    }

    /// Until then, at least 1 while there is any; 0 when it is past.
    var milliseconds: Int32 {
        let left = end - .now
        guard left > .zero else { return 0 }
        let (seconds, fraction) = left.components
        return Int32(clamping: seconds * 1_000 + fraction / 1_000_000_000_000_000 + 1)
    }
}

extension Statement {
    static let commit = Statement("commit", to: "commit", "COMMIT")
}
