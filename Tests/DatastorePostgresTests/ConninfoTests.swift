import Datastore
import DatastoreConformance
import Testing

@testable import DatastorePostgres

@Suite struct ConninfoTests {
    @Test(arguments: [
        "postgres://host/name", "postgresql://user@a,b:5433/name?sslmode=verify-full", "service=insights",
        "host=a,b dbname=name", "dbname=name", "user=one", "hostaddr=127.0.0.1", "port=5433",
    ])
    func storesOfThisEngine(_ text: String) throws {
        #expect(Conninfo.isMeant(by: text))
        _ = try Conninfo(text)
    }

    @Test(arguments: ["sqlite:/var/lib/insights.sqlite", "/var/lib/host=a", "", "postgres", "hosts=a", "mysql://a"])
    func otherStores(_ text: String) {
        #expect(!Conninfo.isMeant(by: text))
    }

    @Test(arguments: [
        "postgres://user:s3cret@host/name", "host=a password=s3cret", "postgres://host/name?password=s3cret",
        "host=a sslpassword=s3cret", "postgres://user:s3cret@host:port:port/", "host=a nothing=s3cret",
        "host=a 's3cret", "host=a options=s3cret", "host=a replication=s3cret", "host=a target_session_attrs=s3cret",
        "host=a client_encoding=s3cret", "postgres://[s3cret",
    ])
    func refusedWithoutRepeatingIt(_ text: String) throws {
        do {
            _ = try Conninfo(text)
            Issue.record("accepted")
        } catch {
            #expect(!"\(error)".contains("s3cret"))
            #expect("\(error)".contains("the name of the store"))
        }
    }

    @Test func describedWithoutWhatMayBeSecret() throws {
        let conninfo = try Conninfo(
            "postgres://user@a:5432,b:5433/name?sslkey=%2Fsecret%2Fkey&passfile=%2Fsecret%2Fpass&sslmode=require")
        #expect(conninfo.description == "postgres host=a,b port=5432,5433 dbname=name user=user")
        #expect(try Conninfo("service=insights").description == "postgres service=insights")
    }
}
