import Foundation
import HTTPSTestServer
import ImportFormats
import LicenseModel
import Outgoing
import Testing

@testable import GraphSync

/// Reports day by day, of a server that has some of them.
@Suite(.timeLimit(.minutes(1))) struct ReportWindowTests {
    private static let header = "Report Refresh Date,User Principal Name,Teams Last Activity Date\n"

    private struct Reports {
        let server: HTTPSTestServer
        let lists: GraphLists
        let access: TenantAccess
        let answers: AnswerFolder
        let today: Day
        let first: Day

        init() throws {
            server = try HTTPSTestServer()
            var example = try ExampleConfiguration()
            example.set("endpoints.graph", server.url("/file"))
            example.set("endpoints.ca", server.authority)
            let requests = GraphRequests(
                configuration: try example.load(), limits: SyncLimits(), client: HTTPSClient(), gate: RequestGate(8),
                requestsPerTenant: 4,
                telemetry: SyncTelemetry(), receiver: ReceiverState(),
                clock: { Date(timeIntervalSince1970: 1_780_000_000) })
            lists = GraphLists(requests: requests)
            access = TenantAccess(tenant: "t", priority: 0, limit: 4) { _ in
                AccessToken(value: "token", end: .now + .seconds(3_600))
            }
            answers = try AnswerFolder(temporaryIn: NSTemporaryDirectory())
            today = try #require(Day("2026-03-28"))
            first = try #require(Day("2026-03-01"))
            let folder = server.folder.appending(path: "v1.0/reports")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }

        /// The answer to the day `number` days after the first.
        func put(_ number: Int, _ text: String) throws {
            let name = "v1.0/reports/getOffice365ActiveUserDetail(date=\(first.advanced(by: number)))"
            try Data(text.utf8).write(to: server.folder.appending(path: name))
        }

        /// Somebody who was active; the refresh day is `later` days after the one that is asked for.
        func row(_ number: Int, later: Int = 0) -> String {
            let day = first.advanced(by: number + later)
            return "\(ReportWindowTests.header)\(day),a@x,\(day)\n"
        }

        func read() async throws -> [Day] {
            try await lists.reports(from: first, through: today, access, in: answers).compactMap(\.day)
        }

        /// The days that were asked for, as numbers from the first, in their order.
        func asked() async throws -> [Int] {
            struct Log: Decodable {
                struct Request: Decodable { let path: String }
                let requests: [Request]
            }
            var request = HTTPSRequest(try #require(HTTPSAddress(server.url("/log"))))
            request.authoritiesFile = server.authority
            let body = try await HTTPSClient().send(request).body
            return try JSONDecoder().decode(Log.self, from: Data(body)).requests.compactMap { request in
                let text = request.path.drop { $0 != "=" }.dropFirst().dropLast()
                return Day(String(text)).map { (0...27).map(first.advanced(by:)).firstIndex(of: $0) ?? -1 }
            }.sorted()
        }
    }

    @Test(arguments: [0, 1, 5, 24, 27])
    func atMostThreeBeyondTheFirstThatIsMissing(_ missing: Int) async throws {
        let reports = try Reports()
        for number in 0...27 where number != missing { try reports.put(number, reports.row(number)) }
        #expect(try await reports.read() == (0..<missing).map(reports.first.advanced(by:)))
        let asked = try await reports.asked()
        #expect(asked == Array(0..<asked.count))
        #expect(asked.count > missing && asked.count <= min(missing + 4, 28))
    }

    @Test func allOfThem() async throws {
        let reports = try Reports()
        for number in 0...27 { try reports.put(number, reports.row(number)) }
        #expect(try await reports.read() == (0...27).map(reports.first.advanced(by:)))
        #expect(try await reports.asked() == Array(0...27))
    }

    @Test func whatIsNotThereYet() async throws {
        let reports = try Reports()
        try reports.put(0, reports.row(0, later: 2))
        // Nobody was active.
        try reports.put(1, Self.header)
        try reports.put(2, reports.row(2))
        // The report of the day before once more.
        try reports.put(3, reports.row(3, later: -1))
        try reports.put(4, reports.row(4))
        #expect(try await reports.read() == (0...2).map(reports.first.advanced(by:)))
    }

    @Test func whatIsNoReportEndsTheSource() async throws {
        let reports = try Reports()
        try reports.put(0, reports.row(0))
        try reports.put(1, "<html></html>")
        do {
            _ = try await reports.read()
            Issue.record("taken")
        } catch let failure as SourceFailure {
            #expect(failure.reason == .malformed)
            #expect(failure.message.hasPrefix("getOffice365ActiveUserDetail: activity-2026-03-02.csv: "))
        }
    }
}
