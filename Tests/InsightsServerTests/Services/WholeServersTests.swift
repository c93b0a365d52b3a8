import Authentication
import Datastore
import Foundation
import LicenseModel
import Logging
import OpenSSLTool
import RPCEngine
import Tenancy
import Testing

@testable import InsightsServer
@testable import LogLines

/// Servers as they are put together, on one store.
@Suite struct WholeServersTests {
    /// A server with a data folder of its own, and keys that all have.
    private struct Running {
        let store: InMemoryDatastore
        let folder: DataFolder
        let time = HouseTime()
        let server: PartnerInsightsServer

        init(_ store: InMemoryDatastore, keys: DataFolder) throws {
            self.store = store
            folder = try DataFolder()
            let key = try OpenSSLCommand.rsaKey()
            try Data(key).write(to: folder.file("server.key"))
            try Data(OpenSSLCommand.certificate(of: key)).write(to: folder.file("server.pem"))
            var parts = PartnerInsightsServerParts(
                store: store, dataFolder: folder.path, trustDomain: try TrustDomain("t"), tokens: nil,
                settings: ServiceSettings(), clock: time.clock,
                logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() },
                callLines: LineLogHandler(label: "test", format: .json, level: .info, sink: KeepingSink()))
            parts.keysFolder = keys.path
            let tls = TLSConfiguration(
                certificateChainPEM: folder.path + "/server.pem", keyPEM: folder.path + "/server.key")
            server = try PartnerInsightsServer(parts) { calls in
                ServerConfiguration(port: 0, loops: 1, tls: tls, methods: calls.methods, interceptor: calls.pipeline)
            }
            _ = try server.start()
        }

        /// The value of a metric; nil where there is none.
        func metric(_ name: String) -> Double? {
            server.metrics().split(separator: "\n").first { $0.hasPrefix(name + " ") }
                .flatMap { Double($0.dropFirst(name.count + 1)) }
        }

        func eventually(_ condition: () -> Bool) -> Bool {
            for _ in 0..<2_000 {
                if condition() { return true }
                usleep(5_000)
            }
            return false
        }
    }

    @Test func metricsAndReadinessTellOfTheOthers() throws {
        let (store, keys) = (InMemoryDatastore.shared(), try DataFolder())
        let first = try Running(store, keys: keys)
        #expect(first.metric("insights_store_members") == 1)
        let second = try Running(.connected(to: store), keys: keys)
        #expect(first.eventually { first.metric("insights_store_members") == 2 })
        #expect(second.metric("insights_store_lag_seconds") == 0)
        #expect(second.metric("insights_store_divergences_total") == 0)
        #expect(second.server.missingForReadiness.isEmpty && second.server.isHealthy)

        second.store.fail(with: .unavailable("cut off"))
        // What it is asking just now is over.
        usleep(400_000)
        second.time.pass(.seconds(61))
        #expect(second.metric("insights_store_lag_seconds") == 61)
        #expect(!second.server.isHealthy && !second.server.health.isServing)
        #expect(second.server.missingForReadiness.contains("the store was last followed 61 s ago"))
        second.store.fail(with: nil)
        #expect(second.eventually { second.server.missingForReadiness.isEmpty })
        #expect(second.server.isHealthy && second.server.health.isServing)

        #expect(second.server.shutdown(grace: .seconds(1)))
        #expect(first.eventually { first.metric("insights_store_members") == 1 })
        #expect(first.server.missingForReadiness.isEmpty)
        #expect(first.server.shutdown(grace: .seconds(1)))
    }

    /// A server that starts has what the others wrote, before anybody is answered.
    @Test func whoStartsHasEverything() throws {
        let (store, keys) = (InMemoryDatastore.shared(), try DataFolder())
        let writer = try WriterHouse(store: WatchedStore(.connected(to: store)))
        try writer.register("A", admins: ["alice"])
        let revision = writer.published.load().revision
        let server = try Running(store, keys: keys)
        #expect(server.metric("insights_revision") == Double(revision.number))
        #expect(server.metric("insights_partners") == 1)
        #expect(server.server.shutdown(grace: .seconds(1)))
    }

    @Test func oneAloneTellsNothingOfOthers() throws {
        let server = try Running(InMemoryDatastore(), keys: try DataFolder())
        #expect(server.metric("insights_store_lag_seconds") == nil && server.server.missingForReadiness.isEmpty)
        #expect(server.server.shutdown(grace: .seconds(1)))
    }

    @Test func whoHasOtherKeysDoesNotStart() throws {
        let store = InMemoryDatastore.shared()
        let first = try Running(store, keys: try DataFolder())
        #expect(throws: ServerKeys.Failure.self) { try Running(.connected(to: store), keys: try DataFolder()) }
        #expect(first.server.shutdown(grace: .seconds(1)))
    }
}
