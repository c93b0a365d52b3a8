@_spi(Authentication) import Tenancy
import Testing

@testable import Authentication

@Suite struct CertificateTests {
    private let ann = "spiffe://insights.local/partner/p1/principal/ann"

    private func registry() throws -> PrincipalDirectory {
        PrincipalDirectory(
            DirectorySnapshot(
                stored: AccessRegistry([
                    try record("root", [.userManagementAdmin]), try record("ann", [.adminAgent], name: "Ann"),
                    try record("off", [.adminAgent], disabled: true),
                ])))
    }

    private func outcome(
        _ peer: PeerIdentity?, _ directory: PrincipalDirectory, authorization: [String] = [], now: Int64 = 1_000
    ) throws -> Result<AuthenticatedCaller, AuthenticationFailure> {
        Authenticator(directory: directory, trustDomain: try TrustDomain("insights.local"))
            .authenticate(certificate: peer, authorization: authorization, now: now)
    }

    @Test func namesARegisteredPrincipal() throws {
        let directory = try registry()
        let caller = try outcome(certificate([ann], notAfter: 2_000), directory).get()
        #expect(
            caller.principal
                == Principal(.partner(try PartnerID("p1"), try PrincipalID("ann"), RoleSet([.adminAgent]))))
        #expect(caller.displayName == "Ann")
        #expect(caller.expiresAt == 2_000)
        #expect(caller.directoryGeneration == directory.generation)
        #expect(caller.token == nil)
    }

    @Test func namesTheOperator() throws {
        let caller = try outcome(certificate(["spiffe://insights.local/operator/feed"]), registry()).get()
        #expect(caller.principal == Principal(.operator(name: "feed")))
        #expect(AccessPolicy.permissions(of: caller.principal) == AccessPolicy.operatorPermissions)
    }

    @Test func refusals() throws {
        let directory = try registry()
        func cause(_ peer: PeerIdentity?, now: Int64 = 1_000) throws -> AuthenticationFailure? {
            if case .failure(let failure) = try outcome(peer, directory, now: now) { return failure }
            return nil
        }
        func expect(
            _ peer: PeerIdentity?, _ reason: AuthenticationFailure.Reason, _ expected: AuthenticationFailure.Cause,
            now: Int64 = 1_000
        ) throws {
            let failure = try cause(peer, now: now)
            #expect(failure?.reason == reason)
            #expect(failure?.cause == expected)
        }
        try expect(nil, .missing, .noCredential)
        try expect(certificate([ann], verified: false), .invalid, .certificateUnverified)
        try expect(certificate([]), .invalid, .certificateName)
        try expect(certificate([ann, ann]), .invalid, .certificateName)
        try expect(certificate(["spiffe://other.example/partner/p1/principal/ann"]), .invalid, .certificateName)
        try expect(certificate(["spiffe://insights.local/partner/p1/principal/ghost"]), .invalid, .principalUnknown)
        try expect(certificate(["spiffe://insights.local/partner/p2/principal/ann"]), .invalid, .principalUnknown)
        try expect(certificate(["spiffe://insights.local/partner/p1/principal/off"]), .invalid, .principalDisabled)
        try expect(certificate(["spiffe://insights.local/partner/p1/principal/Ann"]), .invalid, .principalUnknown)
        let dated = certificate([ann], notBefore: 100, notAfter: 200)
        try expect(dated, .invalid, .certificateNotYetValid, now: 99)
        try expect(dated, .expired, .certificateExpired, now: 201)
        #expect(try cause(dated, now: 100) == nil)
        #expect(try cause(dated, now: 200) == nil)
    }

    @Test func oneTextPerReason() {
        var texts: [AuthenticationFailure.Reason: Set<String>] = [:]
        for cause in AuthenticationFailure.Cause.allCases {
            let failure = AuthenticationFailure(cause)
            texts[failure.reason, default: []].insert(failure.reason.text)
        }
        #expect(texts.values.allSatisfy { $0.count == 1 })
        #expect(texts.count == 3)
    }

    @Test func rolesFollowTheDirectory() throws {
        let directory = try registry()
        let peer = certificate([ann])
        let before = try outcome(peer, directory).get()
        try directory.apply(.update(PrincipalID("ann"), PrincipalUpdate(roles: RoleSet([.salesAgent]))), in: "p1")
        #expect(before.directoryGeneration != directory.generation)
        #expect(try outcome(peer, directory).get().principal.roles == RoleSet([.salesAgent]))
        try directory.apply(.update(PrincipalID("ann"), PrincipalUpdate(isDisabled: true)), in: "p1")
        #expect(throws: AuthenticationFailure.self) { try outcome(peer, directory).get() }
        try directory.apply(.update(PrincipalID("ann"), PrincipalUpdate(isDisabled: false)), in: "p1")
        #expect(throws: Never.self) { try outcome(peer, directory).get() }
        try directory.apply(.delete(PrincipalID("ann")), in: "p1")
        #expect(throws: AuthenticationFailure.self) { try outcome(peer, directory).get() }
    }

    /// A change that waits its turn is made by whom the caller is then, not by whom he was.
    @Test func callersAreRenewed() throws {
        let directory = try registry()
        let authenticator = Authenticator(directory: directory, trustDomain: try TrustDomain("insights.local"))
        let name = try PrincipalID("ann")
        let caller = try outcome(certificate([ann]), directory).get()
        #expect(try authenticator.renewed(caller) == caller)
        func change(_ update: PrincipalUpdate) throws -> RoleSet {
            try directory.apply(.update(name, update), in: "p1")
            let renewed = try authenticator.renewed(caller)
            #expect(renewed.directoryGeneration == directory.generation)
            return renewed.principal.roles
        }
        #expect(try change(PrincipalUpdate(roles: RoleSet([.salesAgent]))) == [])
        #expect(
            try change(PrincipalUpdate(roles: RoleSet([.adminAgent, .userManagementAdmin]))) == RoleSet([.adminAgent]))
        #expect(throws: AuthenticationFailure.self) { try change(PrincipalUpdate(isDisabled: true)) }
        #expect(try change(PrincipalUpdate(isDisabled: false)) == RoleSet([.adminAgent]))
        try directory.apply(.delete(name), in: "p1")
        #expect(throws: AuthenticationFailure.self) { try authenticator.renewed(caller) }
        let feeder = try outcome(certificate(["spiffe://insights.local/operator/feed"]), directory).get()
        try directory.apply(.create(record("feed", [])), in: "p1")
        #expect(try authenticator.renewed(feeder) == feeder)
    }

    @Test(arguments: [
        ["Bearer x.y.z"], ["Bearer a", "Bearer a"], [""], ["Basic dXNlcjpwYXNz"], ["Bearer"], ["Bearer "],
        ["Bearerx"], ["x.y.z"], ["Bearer\tx"], ["bEARER x"], ["\u{2}\u{5}earer x"], ["", ""],
    ])
    func badHeaderIsRefusedEvenBesideACertificate(_ values: [String]) throws {
        guard case .failure(let failure) = try outcome(certificate([ann]), registry(), authorization: values) else {
            Issue.record("accepted \(values)")
            return
        }
        #expect(failure.reason == .invalid)
    }
}
