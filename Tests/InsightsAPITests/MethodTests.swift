import Foundation
import InsightsAPI
import SwiftProtobuf
import Tenancy
import Testing

@Suite struct MethodTests {
    /// The methods as the protos declare them, from the descriptors that reflection serves.
    static func declared() throws -> [MethodLine] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/InsightsServer/Reflection/descriptors.binpb").standardized
        let set = try Google_Protobuf_FileDescriptorSet(
            serializedBytes: [UInt8](Data(contentsOf: file)), extensions: PBPermission_Extensions)
        return set.file.flatMap { file in
            file.service.flatMap { service in
                service.method.map { method in
                    MethodLine(
                        path: "/\(file.package).\(service.name)/\(method.name)",
                        permission: method.options.hasPBrequiredPermission
                            ? method.options.PBrequiredPermission.rawValue : 0,
                        clientStreaming: method.clientStreaming, serverStreaming: method.serverStreaming)
                }
            }
        }
    }

    struct MethodLine: Hashable {
        let path: String
        let permission: Int
        let clientStreaming: Bool
        let serverStreaming: Bool
    }

    @Test func methodsEqualTheProtos() throws {
        let methods = Method.allCases.map {
            MethodLine(
                path: $0.path, permission: Int($0.permission?.rawValue ?? 0), clientStreaming: $0.isClientStreaming,
                serverStreaming: $0.isServerStreaming)
        }
        let declared = try Self.declared()
        #expect(declared.count == 30)
        #expect(Set(declared).symmetricDifference(methods).isEmpty)
        #expect(Set(methods).count == methods.count)
    }

    @Test func everyOwnMethodHasAPermissionAndNoOther() {
        #expect(Method.own.count == 26)
        for method in Method.allCases {
            #expect((method.permission != nil) == Method.own.contains(method), "\(method)")
        }
    }

    /// Positions are indices: of the engine's methods, of requirements and of counts.
    @Test func positionsHaveNoGaps() {
        #expect(Method.allCases.map(\.rawValue) == Array(0..<Method.allCases.count))
    }

    @Test func permissionNamesEqualTheProtos() {
        for permission in Permission.allCases {
            let number = PBPermission(rawValue: Int(permission.rawValue))
            #expect(number.map { "\($0)".lowercased() } == permission.name.replacing("_", with: "").lowercased())
        }
        #expect(PBPermission.allCases.count == Permission.allCases.count + 1)
    }

    @Test func ownMethodsAreFoundExactly() {
        for method in Method.own {
            #expect(Method(ownNamed: method.path) == method)
            #expect(Method(ownNamed: method.name) == method)
            #expect(method.path == "/\(method.service)/\(method.name)")
            #expect(Method(ownNamed: method.path + "/") == nil)
            #expect(Method(ownNamed: String(method.path.dropFirst())) == nil)
        }
        #expect(Method(ownNamed: "") == nil)
        #expect(Method(ownNamed: "/grpc.health.v1.Health/Check") == nil)
        #expect(Method(ownNamed: "Check") == nil)
    }
}
