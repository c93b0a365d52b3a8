import Datastore

/// How an exchange with PostgreSQL failed. Has nothing of the library's or the server's texts, which may name hosts,
/// users, rows and statements.
enum PostgresFailure: Error, Sendable, Hashable {
    /// A statement was refused. Its transaction is rolled back: nothing of it happened.
    case refused(Refusal)
    /// The connection ended, or an answer did not come in time. A COMMIT that was sent may have happened.
    case lost(SQLState?)
    /// COMMIT answered with a warning: it happened on the primary, and a standby may not have it.
    case unconfirmed
    /// The answer is none that the statement can have.
    case malformed
    /// The rules of the store, not PostgreSQL.
    case store(DatastoreError)

    struct Refusal: Sendable, Hashable {
        let state: SQLState
        /// The constraint that was violated.
        var constraint: String?
        /// What the statement was to do.
        var purpose: String
    }

    /// Whether the same may succeed at once on the same or another connection, with nothing having happened.
    var isTransient: Bool {
        guard case .refused(let refusal) = self else { return false }
        return [.serializationFailure, .deadlockDetected, .cachedPlanChanged].contains(refusal.state)
    }

    var error: DatastoreError {
        switch self {
        case .refused(let refusal): refusal.error
        case .lost(let state): .unavailable(state.map(Self.endReason) ?? "the connection to it ended")
        case .unconfirmed: .unavailable("its standby did not confirm")
        case .malformed: .corrupt("it answered what no store answers")
        case .store(let error): error
        }
    }

    private static func endReason(_ state: SQLState) -> String {
        switch state {
        case .adminShutdown, .crashShutdown, .cannotConnectNow, .databaseDropped: "it is stopping or starting"
        case .idleInTransactionTimeout: "a transaction was held for too long"
        default: "the connection to it ended (code \(state))"
        }
    }
}

/// What the contract of stores says of a failure.
func storing<Result>(_ body: () throws(PostgresFailure) -> Result) throws(DatastoreError) -> Result {
    do throws(PostgresFailure) {
        return try body()
    } catch {
        throw error.error
    }
}

extension PostgresFailure.Refusal {
    var error: DatastoreError {
        // Behind the lock it cannot be.
        if ["entry_pkey", "access_change_pkey", "server_pkey"].contains(constraint) {
            return .unavailable("another server wrote at the same time")
        }
        switch state {
        case .diskFull: return .full
        case .uniqueViolation: return .alreadyExists
        case .foreignKeyViolation: return .notFound
        case .insufficientPrivilege: return .notAccessible("its user may not \(purpose)")
        case .readOnlyTransaction: return .unavailable("it accepts no changes: a standby, or read-only")
        case .lockNotAvailable: return .unavailable("the right to write was held for too long")
        case .queryCanceled: return .unavailable("it took too long to \(purpose)")
        case .serializationFailure, .deadlockDetected, .cachedPlanChanged:
            return .unavailable("others were in the way (code \(state))")
        case .undefinedTable, .undefinedSchema, .undefinedColumn, .undefinedFunction: return .notAStore
        case .dataCorrupted, .indexCorrupted, .undefinedFile, .duplicateFile:
            return .corrupt("its database says so (code \(state))")
        case .inputOutput: return .unavailable("its disk failed")
        default: break
        }
        switch state.category {
        case "08": return .unavailable("the connection to it ended")
        case "22", "23": return .invalid("the store refuses a value (code \(state))")
        case "28": return .notAccessible("its user or password was refused")
        case "53": return .unavailable("its database has no memory or connection left (code \(state))")
        case "57": return .unavailable("it is stopping or starting")
        default: return .unavailable("it failed with code \(state)")
        }
    }
}

/// A code of five characters, the only thing that is believed of an error's text.
struct SQLState: Sendable, Hashable, CustomStringConvertible {
    let description: String

    /// Nil unless it is five digits and capital letters.
    init?(_ text: String) {
        guard text.utf8.count == 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) })
        else { return nil }
        description = text
    }

    private init(known text: String) { description = text }

    /// The first two characters.
    var category: String { String(description.prefix(2)) }

    static let cachedPlanChanged = SQLState(known: "0A000")
    static let foreignKeyViolation = SQLState(known: "23503")
    static let uniqueViolation = SQLState(known: "23505")
    static let readOnlyTransaction = SQLState(known: "25006")
    static let idleInTransactionTimeout = SQLState(known: "25P03")
    static let invalidAuthorization = SQLState(known: "28000")
    static let invalidPassword = SQLState(known: "28P01")
    static let unknownDatabase = SQLState(known: "3D000")
    static let undefinedSchema = SQLState(known: "3F000")
    static let serializationFailure = SQLState(known: "40001")
    static let deadlockDetected = SQLState(known: "40P01")
    static let insufficientPrivilege = SQLState(known: "42501")
    static let undefinedColumn = SQLState(known: "42703")
    static let undefinedFunction = SQLState(known: "42883")
    static let undefinedTable = SQLState(known: "42P01")
    static let duplicateObject = SQLState(known: "42710")
    static let diskFull = SQLState(known: "53100")
    static let tooManyConnections = SQLState(known: "53300")
    static let lockNotAvailable = SQLState(known: "55P03")
    static let queryCanceled = SQLState(known: "57014")
    static let adminShutdown = SQLState(known: "57P01")
    static let crashShutdown = SQLState(known: "57P02")
    static let cannotConnectNow = SQLState(known: "57P03")
    static let databaseDropped = SQLState(known: "57P04")
    static let inputOutput = SQLState(known: "58030")
    static let undefinedFile = SQLState(known: "58P01")
    static let duplicateFile = SQLState(known: "58P02")
    static let dataCorrupted = SQLState(known: "XX001")
    static let indexCorrupted = SQLState(known: "XX002")
}
