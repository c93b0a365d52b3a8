import InsightsAPI
import LicenseModel
import RPCEngine
import SwiftProtobuf

/// Decodes a request of the rarer methods with swift-protobuf.
func decode<Request: Message>(_ bytes: RawSpan) throws(RPCStatus) -> Request {
    try decode(bytes.copied())
}

func decode<Request: Message>(_ bytes: [UInt8]) throws(RPCStatus) -> Request {
    do {
        return try Request(serializedBytes: bytes)
    } catch {
        throw Refusal.malformed(Request.protoMessageName)
    }
}

/// Appends a reply of the rarer methods.
func encode(_ response: some Message, into reply: inout [UInt8]) throws(RPCStatus) {
    reply.append(contentsOf: try encoded(response))
}

func encoded(_ response: some Message) throws(RPCStatus) -> [UInt8] {
    do {
        return try response.serializedBytes()
    } catch {
        throw RPCStatus(.internalError, "the reply cannot be encoded")
    }
}

/// Runs a check of request fields and turns its error into the status of the contract.
func checked<Value>(_ body: () throws(FieldError) -> Value) throws(RPCStatus) -> Value {
    do {
        return try body()
    } catch {
        throw Refusal.badField(error)
    }
}
