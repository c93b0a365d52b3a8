import Foundation
import InsightsAPI
import SwiftProtobuf
import Tenancy
import Testing

@Suite struct MethodTableTests {
    /// The methods as the protos declare them, from the descriptors that reflection serves.
    static func declared() throws -> [MethodLine] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/InsightsServer/Reflection/descriptors.binpb").standardized
        let set = try Google_Protobuf_FileDescriptorSet(
            serializedBytes: [UInt8](Data(contentsOf: file)), extensions: PBPermission_Extensions)
        return set.file.filter { $0.package == MethodTable.package }.flatMap { file in
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

    @Test func tableEqualsTheProtos() throws {
        let table = MethodTable.all.map {
            MethodLine(
                path: $0.path, permission: Int($0.permission.rawValue), clientStreaming: $0.clientStreaming,
                serverStreaming: $0.serverStreaming)
        }
        let declared = try Self.declared()
        #expect(declared.count == 24)
        #expect(Set(declared).symmetricDifference(table).isEmpty)
        #expect(Set(table).count == table.count)
    }

    @Test func permissionNamesEqualTheProtos() {
        for permission in Permission.allCases {
            let number = PBPermission(rawValue: Int(permission.rawValue))
            #expect(number.map { "\($0)".lowercased() } == permission.name.replacing("_", with: "").lowercased())
        }
        #expect(PBPermission.allCases.count == Permission.allCases.count + 1)
    }

    @Test func pathsAreFoundExactly() {
        for method in MethodTable.all {
            #expect(MethodTable.method(path: method.path) == method)
            #expect(method.path == "/\(method.service)/\(method.name)")
            #expect(MethodTable.method(path: method.path + "/") == nil)
            #expect(MethodTable.method(path: String(method.path.dropFirst())) == nil)
        }
        #expect(MethodTable.method(path: "") == nil)
        #expect(MethodTable.method(path: "/grpc.health.v1.Health/Check") == nil)
    }
}
