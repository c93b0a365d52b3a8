import Datastore
import Testing

@testable import DatastorePostgres

@Suite struct FailureTests {
    private static func refusal(_ code: String) throws -> DatastoreError {
        let state = try #require(SQLState(code))
        return PostgresFailure.refused(.init(state: state, purpose: "read the log")).error
    }

    @Test(arguments: [
        ("53100", DatastoreError.full), ("23505", .alreadyExists), ("23503", .notFound),
        ("42501", .notAccessible("its user may not read the log")),
        ("25006", .unavailable("it accepts no changes: a standby, or read-only")),
        ("55P03", .unavailable("the right to write was held for too long")),
        ("57014", .unavailable("it took too long to read the log")),
        ("40001", .unavailable("others were in the way (code 40001)")),
        ("40P01", .unavailable("others were in the way (code 40P01)")),
        ("0A000", .unavailable("others were in the way (code 0A000)")), ("42P01", .notAStore), ("3F000", .notAStore),
        ("42703", .notAStore), ("42883", .notAStore), ("XX001", .corrupt("its database says so (code XX001)")),
        ("XX002", .corrupt("its database says so (code XX002)")),
        ("58P01", .corrupt("its database says so (code 58P01)")),
        ("58P02", .corrupt("its database says so (code 58P02)")), ("58030", .unavailable("its disk failed")),
        ("08006", .unavailable("the connection to it ended")),
        ("22003", .invalid("the store refuses a value (code 22003)")),
        ("23514", .invalid("the store refuses a value (code 23514)")),
        ("28P01", .notAccessible("its user or password was refused")),
        ("53200", .unavailable("its database has no memory or connection left (code 53200)")),
        ("53300", .unavailable("its database has no memory or connection left (code 53300)")),
        ("57P01", .unavailable("it is stopping or starting")), ("57P03", .unavailable("it is stopping or starting")),
        ("XX000", .unavailable("it failed with code XX000")), ("54001", .unavailable("it failed with code 54001")),
    ])
    func codes(_ code: String, _ error: DatastoreError) throws {
        #expect(try Self.refusal(code) == error)
    }

    @Test func revisionsAreTheSecondWall() throws {
        let state = try #require(SQLState("23505"))
        let failure = PostgresFailure.refused(.init(state: state, constraint: "entry_pkey", purpose: "write the log"))
        #expect(failure.error == .unavailable("another server wrote at the same time"))
    }

    @Test func onlyWhatDidNotHappenIsTriedAgain() throws {
        for code in ["40001", "40P01", "0A000"] {
            #expect(PostgresFailure.refused(.init(state: try #require(SQLState(code)), purpose: "")).isTransient)
        }
        for code in ["23505", "53100", "42501", "57014"] {
            #expect(!PostgresFailure.refused(.init(state: try #require(SQLState(code)), purpose: "")).isTransient)
        }
        #expect(!PostgresFailure.lost(nil).isTransient && !PostgresFailure.unconfirmed.isTransient)
    }

    @Test func textsThatAreNoCodesAreNotBelieved() {
        for text in ["", "4250", "425011", "42 01", "42p01", "ERROR", "a/b/c"] where text != "ERROR" {
            #expect(SQLState(text) == nil, "\(text)")
        }
    }

    @Test(arguments: [
        ("connection to server at \"h\", port 1 failed: FATAL:  28P01\n", "its user or password was refused"),
        ("connection to server at \"h\", port 1 failed: FATAL:  28000\n", "its user or password was refused"),
        ("connection failed: FATAL:  3D000\n", "its database does not exist"),
        ("connection failed: FATAL:  42501\n", "its user may not connect to the database"),
        ("connection failed: FATAL:  57P03\n", "it is stopping or starting"),
        ("connection failed: FATAL:  53300\n", "no memory or connection left"),
        ("connection failed: FATAL:  something s3cret\n", "it refuses connections"),
        ("failed: fe_sendauth: no password supplied\n", "it asks for a password"),
        ("failed: SSL error: certificate verify failed s3cret\n", "the protected connection"),
        ("failed: session is read-only\n", "a standby, or read-only"),
        ("failed: server is in hot standby mode\n", "a standby, or read-only"),
        ("definition of service \"s3cret\" not found\n", "not in the service file"),
        ("invalid sslmode value: \"s3cret\"\n", "a value that is not allowed"),
        ("connection to server at \"s3cret\", port 1 failed: Connection refused\n", "it does not answer"),
        ("", "answer"),
    ])
    func connecting(_ text: String, _ words: String) {
        let found = Connection.connectFailure(text).description
        #expect(found.contains(words) && !found.contains("s3cret") && !found.contains("\n"), "\(found)")
    }
}
