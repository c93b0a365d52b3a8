import Foundation
import Tenancy
import Testing

@testable import Authentication

/// Tokens as the issuers that people have make them: each with its file and the claims of its access tokens.
struct IssuerShape: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Members of the issuer's file.
    let file: String
    let header: String
    let claims: String

    static let tenant = "8f1c2a30-5b7d-4e9a-9c11-2d3e4f5a6b7c"
    private static let times = #""iat":1799999700,"exp":1800003600"#

    static let all = [entra2, entra1, auth0, okta, keycloak, keycloakOrganization]

    static let entra2 = IssuerShape(
        testDescription: "Entra ID v2",
        file: """
            {"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0",
             "audience":"5d0c7d4e-1111-4222-8333-944445555666","jwks":"jwks.json",
             "partners":{"\(tenant.uppercased())":"p1"}}
            """,
        header: #"{"typ":"JWT","alg":"RS256","kid":"rsa1"}"#,
        claims: """
            {"aud":"5d0c7d4e-1111-4222-8333-944445555666","iss":"https://login.microsoftonline.com/\(tenant)/v2.0",
             \(times),
             "nbf":1799999700,"aio":"E2NgYFj","azp":"77777777-1111-4222-8333-944445555666","azpacr":"1",
             "oid":"99999999-1111-4222-8333-944445555666","rh":"1.AXQA","roles":["AdminAgent"],
             "sub":"99999999-1111-4222-8333-944445555666","tid":"\(tenant)","uti":"q1w2","ver":"2.0","xms_ftd":"x"}
            """)

    static let entra1 = IssuerShape(
        testDescription: "Entra ID v1",
        file: """
            {"issuer":"https://sts.windows.net/{TenantId}/",
             "audience":["api://insights","5d0c7d4e-1111-4222-8333-944445555666"],
             "jwks":"jwks.json","partners":{"\(tenant)":"p1"}}
            """,
        header: #"{"typ":"JWT","alg":"RS256","x5t":"abc","kid":"rsa1"}"#,
        claims: """
            {"aud":"api://insights","iss":"https://sts.windows.net/\(tenant)/",\(times),"nbf":1799999700,"acr":"1",
             "amr":["pwd","mfa"],"appid":"77777777-1111-4222-8333-944445555666","appidacr":"1","idtyp":"user",
             "ipaddr":"192.0.2.1","name":"Ann","oid":"99999999-1111-4222-8333-944445555666","roles":["AdminAgent"],
             "scp":"access_as_user","sub":"pairwise","tid":"\(tenant)","unique_name":"ann@contoso.example",
             "upn":"ann@contoso.example","ver":"1.0"}
            """)

    static let auth0 = IssuerShape(
        testDescription: "Auth0",
        file: """
            {"issuer":"https://contoso.eu.auth0.com/","audience":"https://insights.example/api","jwks":"jwks.json",
             "tenant_claim":"org_id","roles_claim":"https://insights.example/roles","partners":{"org_aB9":"p1"}}
            """,
        header: #"{"alg":"RS256","typ":"at+jwt","kid":"rsa1"}"#,
        claims: """
            {"https://insights.example/roles":["AdminAgent","Reader"],"iss":"https://contoso.eu.auth0.com/",
             "sub":"auth0|61f0aa00bb","aud":["https://insights.example/api","https://contoso.eu.auth0.com/userinfo"],
             \(times),"scope":"openid profile","azp":"AbCdEf","org_id":"org_aB9","permissions":[]}
            """)

    static let okta = IssuerShape(
        testDescription: "Okta",
        file: """
            {"issuer":"https://contoso.okta.com/oauth2/aus1abc","audience":"api://default","jwks":"jwks.json",
             "tenant_claim":"iss","roles_claim":"groups","partners":{"https://contoso.okta.com/oauth2/aus1abc":"p1"}}
            """,
        header: #"{"kid":"rsa1","alg":"RS256"}"#,
        claims: """
            {"ver":1,"jti":"AT.x","iss":"https://contoso.okta.com/oauth2/aus1abc","aud":"api://default",
             "iat":1799999700,"exp":1.8000036e9,"cid":"0oa1","uid":"00u1","scp":["openid"],"auth_time":1799999600.5,
             "sub":"ann@contoso.example","groups":["Everyone","AdminAgent"]}
            """)

    static let keycloak = IssuerShape(
        testDescription: "Keycloak, a realm for each partner",
        file: """
            {"issuer":"https://sso.example/realms/contoso","audience":["insights"],"jwks":"jwks.json",
             "tenant_claim":"iss","roles_claim":"realm_access.roles",
             "partners":{"https://sso.example/realms/contoso":"p1"}}
            """,
        header: #"{"alg":"RS256","typ":"JWT","kid":"rsa1"}"#,
        claims: """
            {\(times),"auth_time":0,"jti":"x","iss":"https://sso.example/realms/contoso","aud":["insights","account"],
             "sub":"f5a6b7c8-1111-4222-8333-944445555666","typ":"Bearer","azp":"portal","nonce":"n","sid":"s","acr":"1",
             "allowed-origins":["*"],"realm_access":{"roles":["offline_access","AdminAgent"]},
             "resource_access":{"account":{"roles":["manage-account"]}},"scope":"openid email",
             "email_verified":true,"preferred_username":"ann"}
            """)

    static let keycloakOrganization = IssuerShape(
        testDescription: "Keycloak, an organization for each partner and roles of a client",
        file: """
            {"issuer":"https://sso.example/realms/all","audience":"account","jwks":"jwks.json",
             "tenant_claim":"organization","roles_claim":"resource_access.insights.api.roles",
             "partners":{"contoso":"p1"}}
            """,
        header: #"{"alg":"RS256","typ":"JWT","kid":"rsa1"}"#,
        claims: """
            {\(times),"iss":"https://sso.example/realms/all","aud":"account","sub":"f5a6","typ":"Bearer","azp":"portal",
             "organization":["contoso"],"resource_access":{"insights.api":{"roles":"AdminAgent"}}}
            """)
}

@Suite struct IssuerShapeTests {
    private let issuer: TestIssuer

    init() throws {
        issuer = try TestIssuer()
    }

    private func bench(_ shape: IssuerShape) throws -> TokenBench {
        try TokenBench([TokenIssuer(json: Array(shape.file.utf8), file: issuer.folder.path + "/issuer.json")])
    }

    private func token(_ shape: IssuerShape, _ changes: [String: Any?] = [:]) throws -> String {
        var claims = try #require(
            try JSONSerialization.jsonObject(with: Data(shape.claims.utf8)) as? [String: Any])
        for (name, value) in changes { claims[name] = value }
        return try issuer.token(
            rawHeader: Data(shape.header.utf8), rawClaims: JSONSerialization.data(withJSONObject: claims))
    }

    private func cause(
        _ shape: IssuerShape, _ changes: [String: Any?], of bench: TokenBench
    ) throws -> AuthenticationFailure.Cause? {
        bench.failure(try token(shape, changes))?.cause
    }

    @Test(arguments: IssuerShape.all)
    func isAccepted(_ shape: IssuerShape) throws {
        let bench = try bench(shape)
        // As it stands, floats and all.
        let raw = try issuer.token(rawHeader: Data(shape.header.utf8), rawClaims: Data(shape.claims.utf8))
        let caller = try bench.outcome(raw).get()
        #expect(try caller.principal.partner == PartnerID("p1"))
        #expect(caller.principal.roles == RoleSet([.adminAgent]))
        #expect(caller.expiresAt == 1_800_003_600)
    }

    @Test(arguments: IssuerShape.all)
    func isRefusedForWhatDoesNotMatch(_ shape: IssuerShape) throws {
        let bench = try bench(shape)
        #expect(try cause(shape, ["iss": "https://elsewhere.example/"], of: bench) == .tokenIssuer)
        #expect(try cause(shape, ["aud": "elsewhere"], of: bench) == .tokenAudience)
        #expect(try cause(shape, ["aud": nil], of: bench) == .tokenAudience)
        #expect(try cause(shape, ["exp": nil], of: bench) == .tokenTimes)
        #expect(try cause(shape, ["at_hash": "x"], of: bench) == .tokenKind)
        #expect(try cause(shape, ["typ": "ID"], of: bench) == .tokenKind)
        #expect(try cause(shape, ["typ": nil, "nonce": "n"], of: bench) == .tokenKind)
        let early = bench.failure(try token(shape, ["nbf": TestIssuer.now + 300]))
        #expect(early?.cause == .tokenNotYetValid)
        #expect(early?.seconds == 300)
        #expect(shape.file.contains(try #require(early?.issuer)))
        let late = bench.failure(try token(shape), now: 1_800_003_700)
        #expect(late?.cause == .tokenExpired)
        #expect(late?.seconds == 100)
    }

    @Test func placeholderStandsForTheTenantOfTheToken() throws {
        let shape = IssuerShape.entra2
        let bench = try bench(shape)
        let host = "https://login.microsoftonline.com/"
        let tenant = IssuerShape.tenant
        #expect(try cause(shape, ["tid": tenant.uppercased()], of: bench) == nil)
        #expect(try cause(shape, ["iss": host + tenant.uppercased() + "/v2.0"], of: bench) == nil)
        // The issuer of one tenant with the tid of another.
        let other = "00000000-5b7d-4e9a-9c11-2d3e4f5a6b7c"
        #expect(try cause(shape, ["iss": host + other + "/v2.0"], of: bench) == .tokenIssuer)
        #expect(try cause(shape, ["tid": other], of: bench) == .tokenIssuer)
        #expect(try cause(shape, ["tid": other, "iss": host + other + "/v2.0"], of: bench) == .tokenTenant)
        for bad: Any? in [nil, "", 7, [tenant], "{tenantid}"] {
            #expect(try cause(shape, ["tid": bad], of: bench) == .tokenIssuer)
        }
        for bad in ["{tenantid}/v2.0", "/v2.0", tenant + "/v2.0/", tenant, tenant + "/V2.0", "x/" + tenant + "/v2.0"] {
            #expect(try cause(shape, ["iss": host + bad], of: bench) == .tokenIssuer)
        }
        let literal: [String: Any?] = ["tid": "{tenantid}", "iss": host + "{tenantid}/v2.0"]
        #expect(try cause(shape, literal, of: bench) == .tokenTenant)
    }

    @Test func casesOfOtherTenantsCount() throws {
        let bench = try bench(.auth0)
        #expect(try cause(.auth0, ["org_id": "org_AB9"], of: bench) == .tokenTenant)
        #expect(try cause(.auth0, ["org_id": nil], of: bench) == .tokenTenantMissing)
        #expect(try cause(.auth0, ["org_id": nil, "tid": "org_aB9"], of: bench) == .tokenTenantMissing)
    }

    @Test func tenantOfAListIsOne() throws {
        let bench = try bench(.keycloakOrganization)
        for bad: Any in [["contoso", "fabrikam"], [String](), [["contoso"]], ["contoso": [String: String]()], 7] {
            #expect(try cause(.keycloakOrganization, ["organization": bad], of: bench) == .tokenTenant)
        }
    }

    @Test func rolesOfEveryForm() throws {
        let bench = try bench(.entra2)
        func roles(_ value: Any?) throws -> RoleSet {
            try bench.outcome(token(.entra2, ["roles": value])).get().principal.roles
        }
        #expect(try roles(nil) == RoleSet([]))
        #expect(try roles(NSNull()) == RoleSet([]))
        #expect(try roles([String]()) == RoleSet([]))
        #expect(try roles("SalesAgent") == RoleSet([.salesAgent]))
        #expect(try roles(["SalesAgent", "Directory Readers"]) == RoleSet([.salesAgent]))
        for bad: Any in [7, [NSNull()], ["AdminAgent", 7], ["AdminAgent": true]] {
            #expect(try cause(.entra2, ["roles": bad], of: bench) == .tokenRoles)
        }
    }

    /// Keys of personal accounts stand among those of organizations; they prove tokens of their own tenant alone.
    @Test func keyOfAnotherTenantProvesNothing() throws {
        func key(_ issuer: String?) throws -> [String: String] {
            var key = try TestIssuer.jwk("rsa1", rsa: self.issuer.rsa.publicKey)
            key["issuer"] = issuer
            return key
        }
        let host = "https://login.microsoftonline.com/"
        let personal = host + "9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
        for (named, expected): (String?, AuthenticationFailure.Cause?) in [
            (nil, nil), (host + "{tenantid}/v2.0", nil), (host + IssuerShape.tenant + "/v2.0", nil),
            (personal, .tokenKeyIssuer), (host + IssuerShape.tenant.dropLast() + "/v2.0", .tokenKeyIssuer),
        ] {
            try issuer.writeKeys([key(named)])
            for shape in [IssuerShape.entra2, .entra1] {
                #expect(try cause(shape, [:], of: bench(shape)) == expected, "\(named ?? "none")")
            }
        }
        try issuer.writeKeys([key(host + "{tenant}/v2.0")])
        #expect(throws: TokenIssuerError.self) { try bench(.entra2) }
    }

    @Test func pathsOfClaims() throws {
        let text = #"{"a.b":1,"a":{"b":2,"c":{"d":3},"c.d":4},"x.y":{"z":5},"x":{"y":7},"n":null,".":8,"e":{"":9}}"#
        let claims = try #require(StrictJSON(Array(text.utf8))?.object)
        func number(_ path: String) -> String? {
            if case .number(let text)? = ClaimPath(text: path).value(in: claims) { return text }
            return nil
        }
        #expect(number("a.b") == "1")
        #expect(number("a.c.d") == "4")
        #expect(number("x.y.z") == "5")
        #expect(number("x.y") == nil)
        #expect(number(".") == "8")
        #expect(number("e.") == "9")
        for missing in ["b", "a.", "a.x", "a.b.c", "n.a", "..", "a.c.d.e", ".a"] { #expect(number(missing) == nil) }
    }
}
