import InsightsAPI
import SwiftProtobuf
import Tenancy
import Testing

@Suite struct NamesTests {
    /// The policy's words are those of the protos.
    @Test(arguments: Permission.allCases)
    func permissionsAreNamedAsOnTheWire(_ permission: Permission) throws {
        let wire = PBPermission(permission: permission)
        #expect(wire.permission == permission)
        let json = try PBWhoAmIResponse.with { $0.permissions = [wire] }.jsonString()
        #expect(json.contains("\"PERMISSION_\(permission.name)\""))
    }

    @Test func thePolicyKnowsEveryPermissionAndRoleOfTheWire() {
        for wire in PBPermission.allCases where wire != .unspecified { #expect(wire.permission != nil, "\(wire)") }
        #expect(PBPermission.unspecified.permission == nil)
        #expect(PBPermission.UNRECOGNIZED(-1).permission == nil && PBPermission.UNRECOGNIZED(999).permission == nil)
        #expect(Set(Role.allCases.map(PBRole.init(role:))) == Set(PBRole.allCases).subtracting([.unspecified]))
    }

    @Test func statusCodes() {
        #expect((0...16).map { StatusCodeNames.name(of: $0) }.filter { $0.allSatisfy(\.isNumber) }.isEmpty)
        #expect(StatusCodeNames.name(of: 3) == "INVALID_ARGUMENT" && StatusCodeNames.name(of: 16) == "UNAUTHENTICATED")
        #expect(StatusCodeNames.name(of: 17) == "17" && StatusCodeNames.name(of: -1) == "-1")
    }
}
