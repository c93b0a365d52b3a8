import Authentication
import Foundation
import InsightsAPI
import RPCEngine
import Tenancy
import Testing

@testable import InsightsServer
@testable import LogLines

/// Who is let in, and what is left of a call when it has ended.
@Suite struct AdmissionTests {
    private typealias Who = ServiceHouse.Who

    private func house(_ rate: RateLimit = .standard, exports: Int = 4) throws -> ServiceHouse {
        let house = try ServiceHouse(rate: rate, exports: exports)
        try house.house.register("A", admins: ["admin"])
        try house.house.register("B", admins: ["admin"])
        let admin = try house.house.caller("admin", of: "A")
        for (name, roles) in [("none", []), ("sales", [Role.salesAgent]), ("agent", [.adminAgent])] {
            var record = try WriterHouse.admin(name)
            record.roles = RoleSet(roles)
            try house.house.submit(name, .create(record), by: admin)
            _ = house.house.wait(1)
        }
        return house
    }

    private func code(_ result: Result<[UInt8], RPCStatus>) -> RPCStatus.Code {
        switch result {
        case .success: .ok
        case .failure(let status): status.code
        }
    }

    /// Exactly those whom the policy grants the permission get past the door.
    @Test func onlyWhoeverHasThePermissionIsLetIn() throws {
        let house = try house()
        let callers: [(Who, PrincipalShape)] = [
            (.principal("none"), .roles([])), (.principal("sales"), .roles([.salesAgent])),
            (.principal("agent"), .roles([.adminAgent])), (.principal("admin"), .roles([.userManagementAdmin])),
            (.operator, .operator),
        ]
        for method in Method.own {
            let permission = try #require(method.permission)
            for (who, shape) in callers {
                let call = try house.context(method, by: who)
                var denied: RPCStatus.Code?
                do throws(RPCStatus) {
                    try house.pipeline.begin(call, method: house.registry.entries[method.rawValue])
                } catch {
                    denied = error.code
                }
                #expect(denied == (shape.holds(permission) ? nil : .permissionDenied), "\(method) \(who)")
                #expect((call.record?.grant != nil) == shape.holds(permission))
            }
            #expect(code(try house.reply(method, by: nil)) == .unauthenticated, "\(method)")
        }
    }

    private enum PrincipalShape {
        case roles([Role])
        case `operator`

        func holds(_ permission: Permission) -> Bool {
            switch self {
            case .roles(let roles):
                AccessPolicy.permissionsWithoutRole.contains(permission)
                    || roles.contains { AccessPolicy.permissions(of: $0).contains(permission) }
            case .operator: AccessPolicy.operatorPermissions.contains(permission)
            }
        }
    }

    /// Of each refused credential there is a line with the cause, and nothing that it says.
    @Test func theLogTellsWhyACredentialIsRefused() throws {
        let house = try house()
        let entry = house.registry.entries[Method.whoAmI.rawValue]
        for (given, cause) in [
            ("Basic c2VjcmV0", "authorization-header"), ("Bearer c2VjcmV0.c2VjcmV0.c2VjcmV0", "tokens-not-accepted"),
        ] {
            var metadata = Metadata()
            metadata.append("authorization", given)
            let call = CallContext(method: Method.whoAmI.rawValue, path: Method.whoAmI.path, metadata: metadata)
            #expect(throws: RPCStatus.self) { try house.pipeline.begin(call, method: entry) }
            let line = String(decoding: try #require(house.log.lines.last), as: UTF8.self)
            #expect(line.contains("\"credential refused\"") && line.contains("\"info\""), "\(line)")
            #expect(line.contains("\"cause\":\"\(cause)\"") && !line.contains("c2VjcmV0"), "\(line)")
            #expect(line.contains("\"request_id\":\"\(CallLog.requestID(of: call))\""), "\(line)")
        }
        let count = house.log.lines.count
        #expect(throws: RPCStatus.self) { try house.pipeline.begin(house.context(.whoAmI, by: nil), method: entry) }
        #expect(house.log.lines.count == count, "nothing was shown")
    }

    /// The verdict on a chain is told beside the certificate's number, of which only so much is written.
    @Test func theLogTellsWhatIsWrongWithACertificate() throws {
        let house = try house()
        let peer = PeerIdentity(
            verified: false, reason: "certificate revoked", uriSANs: ["spiffe://t/partner/A/principal/agent"],
            notBefore: 0, notAfter: .max, fingerprint: [])
        let result = house.house.authenticator.authenticate(certificate: peer, authorization: [], now: 1)
        guard case .failure(let failure) = result else {
            Issue.record("an unverified certificate was accepted")
            return
        }
        let metadata = Credentials.metadata(
            failure, of: try house.context(.whoAmI, by: nil), serial: String(repeating: "F", count: 500),
            reason: peer.reason)
        #expect(metadata["cause"] == "certificate-unverified" && metadata["reason"] == "certificate revoked")
        #expect(metadata["certificate"] == .string(String(repeating: "F", count: 40)))
    }

    @Test func healthNeedsNoCredentialAndReflectionOne() throws {
        let house = try house()
        #expect(try house.reply(.healthCheck, by: nil).get() == [0x08, 1])
        for method in Method.allCases where method.path.contains("reflection") {
            #expect(code(try house.reply(method, by: nil)) == .unauthenticated)
            // Past the door: what is missing is a connection.
            #expect(code(try house.reply(method, by: .principal("none"))) == .unimplemented)
        }
    }

    @Test func deniedCallsAreOnRecordAndGrantedOnesAreNot() throws {
        let house = try house()
        let before = try house.records().count
        _ = try house.reply(.getPortfolioInsights, by: .principal("none"))
        _ = try house.reply(.getPortfolioInsights, by: .principal("sales"))
        _ = try house.reply(.getPortfolioInsights, by: nil)
        let records = try house.records()[before...]
        #expect(records.map(\.kind) == ["denied", "unauthenticated"])
        #expect(records.map(\.principal) == ["none", ""])
        #expect(records.allSatisfy { !$0.isAllowed && $0.method == Method.getPortfolioInsights.path })
    }

    @Test func theRateOfAPartnerBoundsItAlone() throws {
        let house = try house(#require(RateLimit(perSecond: 1, burst: 20)))
        var codes = try (0..<30).map { _ in code(try house.reply(.whoAmI, by: .principal("none"))) }
        #expect(codes.filter { $0 == .ok }.count == 20)
        #expect(codes.suffix(10).allSatisfy { $0 == .resourceExhausted })
        codes = try (0..<5).map { _ in code(try house.reply(.whoAmI, by: .principal("admin", of: "B"))) }
        #expect(codes.allSatisfy { $0 == .ok })
    }

    @Test func exportsUnderWayAreBoundedAndGivenBack() throws {
        let house = try house(exports: 2)
        let entry = house.registry.entries[Method.exportInsights.rawValue]
        let calls = try (0..<3).map { _ in try house.context(.exportInsights, by: .principal("sales")) }
        try house.pipeline.begin(calls[0], method: entry)
        try house.pipeline.begin(calls[1], method: entry)
        #expect(throws: RPCStatus.self) { try house.pipeline.begin(calls[2], method: entry) }
        let outcome = CallOutcome(.ok)
        house.pipeline.end(calls[2], method: entry, outcome: outcome)
        house.pipeline.end(calls[0], method: entry, outcome: outcome)
        let again = try house.context(.exportInsights, by: .principal("sales"))
        try house.pipeline.begin(again, method: entry)
    }

    @Test func disabledPrincipalsAreNoCallers() throws {
        let house = try house()
        let call = try house.context(.whoAmI, by: .principal("sales"))
        let entry = house.registry.entries[Method.whoAmI.rawValue]
        try house.pipeline.begin(call, method: entry)
        var update = PrincipalUpdate()
        update.isDisabled = true
        try house.house.submit(
            "disable", .update(PrincipalID("sales"), update), by: house.house.caller("admin", of: "A"))
        _ = house.house.wait(1)
        // The connection remembers the caller; the directory has moved on.
        #expect(throws: RPCStatus.self) { try house.pipeline.begin(call, method: entry) }
        #expect(house.pipeline.recheck(call)?.code == .unauthenticated)
    }

    /// The line that is written straight to bytes against the one that the log handler makes of the same words.
    @Test func linesOfCallsAreThoseOfTheLogHandler() throws {
        let house = try house()
        var seed = RowSeed(7)
        for format in [LogFormat.json, .text] {
            let sink = KeepingSink()
            let lines = LineLogHandler(
                label: "te\"st", format: format, level: .info, sink: sink,
                clock: { Timestamp(milliseconds: 1_738_367_999_999) })
            let clock = ServerClock(unixSeconds: { 0 }, monotonicNanoseconds: { 0 })
            let log = CallLog(
                lines: lines, strangers: StrangerLog(logger: .init(label: "x") { _ in lines }, clock: clock))
            for round in 0..<500 {
                let method = try #require(Method.allCases.randomElement(using: &seed))
                let who: Who = seed.chance(20) ? .operator : .principal(seed.chance(50) ? "admin" : "none")
                let call = try house.context(method, by: who)
                let record = CallRecord()
                record.caller = try #require(call.connection.attachment as? Caller)
                let outcome = CallOutcome(
                    try #require(RPCStatus.Code.allCases.randomElement(using: &seed)),
                    requestBytes: seed.next() >> UInt64(seed.below(64)),
                    responseBytes: seed.next() >> UInt64(seed.below(64)),
                    nanoseconds: seed.next() >> UInt64(seed.below(64)))
                let unlogged = seed.chance(30) ? seed.below(1_000) : 0
                log.write(call, record: record, outcome: outcome, unlogged: unlogged)
                let level = CallLog.level(of: outcome.code)
                let metadata = CallLog.metadata(
                    call, caller: record.caller, outcome: outcome, unlogged: unlogged)
                #expect(sink.lines.count == round + 1)
                #expect(sink.lines.last == lines.line(level, "call", metadata))
            }
        }
    }
}
