import InsightsAPI
import RPCEngine
import SwiftProtobuf

/// `grpc.reflection.v1` and `v1alpha` ServerReflection over the descriptors of everything served. Tells registered
/// callers the shape of the API, nothing else.
struct ReflectionService: Sendable {
    private let index: DescriptorIndex

    /// - Parameter descriptors: a serialized `FileDescriptorSet`.
    init(descriptors: [UInt8], services: [String]) throws {
        index = try DescriptorIndex(descriptors: descriptors, services: services)
    }

    /// The same for both versions.
    func serverReflectionInfo(_ call: CallContext, _ writer: StreamWriter) -> any MessageReceiver {
        ReflectionReceiver(index: index, writer: writer)
    }
}

/// Answers each request as it comes. Both versions have the same messages on the wire.
private final class ReflectionReceiver: MessageReceiver {
    private let index: DescriptorIndex
    private let writer: StreamWriter
    /// Answers for which the writer has no room yet.
    private var backlog: [[UInt8]] = []
    private var isHalfClosed = false

    init(index: DescriptorIndex, writer: StreamWriter) {
        self.index = index
        self.writer = writer
    }

    func receive(_ message: [UInt8]) throws(RPCStatus) {
        let request: Grpc_Reflection_V1_ServerReflectionRequest
        do {
            request = try Grpc_Reflection_V1_ServerReflectionRequest(serializedBytes: message)
        } catch {
            throw RPCStatus(.invalidArgument, "the message is no ServerReflectionRequest")
        }
        let bytes: [UInt8]
        do {
            bytes = try index.answer(request).serializedBytes()
        } catch {
            throw RPCStatus(.internalError, "the descriptors cannot be sent")
        }
        backlog.append(bytes)
        writable()
    }

    func writable() {
        while let first = backlog.first {
            guard writer.send(first) != .full else { return writer.pauseReading() }
            backlog.removeFirst()
        }
        writer.resumeReading()
        if isHalfClosed { writer.finish(.ok) }
    }

    func halfClosed() throws(RPCStatus) {
        isHalfClosed = true
        writable()
    }

    func draining() {
        writer.finish(RPCStatus(.unavailable, "the server is shutting down"))
    }
}

/// Descriptor files by name, and the file of every symbol.
private struct DescriptorIndex: Sendable {
    private let services: [String]
    private let files: [String: [UInt8]]
    private let fileOfSymbol: [String: String]

    init(descriptors: [UInt8], services: [String]) throws {
        let set = try Google_Protobuf_FileDescriptorSet(serializedBytes: descriptors)
        var files: [String: [UInt8]] = [:]
        var symbols: [String: String] = [:]
        for file in set.file {
            files[file.name] = try file.serializedBytes()
            let prefix = file.package.isEmpty ? "" : file.package + "."
            var names = file.enumType.map { prefix + $0.name } + file.extension.map { prefix + $0.name }
            var messages = file.messageType.map { (prefix + $0.name, $0) }
            while let (name, message) = messages.popLast() {
                names.append(name)
                names += message.enumType.map { name + "." + $0.name }
                messages += message.nestedType.map { (name + "." + $0.name, $0) }
            }
            for service in file.service {
                names.append(prefix + service.name)
                names += service.method.map { prefix + service.name + "." + $0.name }
            }
            for name in names { symbols[name] = file.name }
        }
        self.services = services.sorted()
        self.files = files
        fileOfSymbol = symbols
    }

    func answer(
        _ request: Grpc_Reflection_V1_ServerReflectionRequest
    ) -> Grpc_Reflection_V1_ServerReflectionResponse {
        var response = Grpc_Reflection_V1_ServerReflectionResponse()
        response.validHost = request.host
        response.originalRequest = request
        switch request.messageRequest {
        case .listServices:
            var list = Grpc_Reflection_V1_ListServiceResponse()
            list.service = services.map { name in
                var service = Grpc_Reflection_V1_ServiceResponse()
                service.name = name
                return service
            }
            response.messageResponse = .listServicesResponse(list)
        case .fileByFilename(let name):
            response.messageResponse = file(files[name])
        case .fileContainingSymbol(let symbol):
            response.messageResponse = file(fileOfSymbol[symbol].flatMap { files[$0] })
        default:
            response.messageResponse = file(nil)
        }
        return response
    }

    private func file(
        _ descriptor: [UInt8]?
    ) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
        guard let descriptor else {
            var error = Grpc_Reflection_V1_ErrorResponse()
            error.errorCode = 5
            error.errorMessage = "not found"
            return .errorResponse(error)
        }
        var found = Grpc_Reflection_V1_FileDescriptorResponse()
        found.fileDescriptorProto = [.init(descriptor)]
        return .fileDescriptorResponse(found)
    }
}
