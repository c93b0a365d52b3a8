import InsightsAPI
import SwiftProtobuf
import Testing

@Suite struct StatusDetailsTests {
    /// The same status by swift-protobuf.
    static func expected(code: Int32, message: String, details: [any Message]) throws -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        var status = Google_Rpc_Status()
        status.code = code
        status.message = message
        for detail in details {
            var any = Google_Protobuf_Any()
            any.typeURL = "type.googleapis.com/\(type(of: detail).protoMessageName)"
            any.value = try detail.serializedData()
            if let info = detail as? Google_Rpc_ErrorInfo { any.value = try info.serializedBytes(options: options) }
            status.details.append(any)
        }
        return try status.serializedBytes(options: options)
    }

    @Test(arguments: [0, 1, 2, 5]) func errorInfoEqualsSwiftProtobuf(entries: Int) throws {
        var info = Google_Rpc_ErrorInfo()
        info.reason = "ROLE_LACKS_PERMISSION"
        info.domain = "insights.partner"
        for entry in 0..<entries {
            info.metadata["key\(9 - entry)"] = String(repeating: "v", count: entry * 60)
        }
        let bytes = StatusDetails.serialized(
            code: 7, message: "no", details: [.errorInfo(reason: info.reason, metadata: info.metadata)])
        #expect(bytes == (try Self.expected(code: 7, message: "no", details: [info])))
    }

    @Test func emptyKeysAndValuesAreKept() throws {
        var info = Google_Rpc_ErrorInfo()
        info.reason = "R"
        info.domain = StatusDetails.domain
        info.metadata = ["": "x", "b": ""]
        let bytes = StatusDetails.serialized(
            code: 7, message: "", details: [.errorInfo(reason: "R", metadata: info.metadata)])
        #expect(bytes == (try Self.expected(code: 7, message: "", details: [info])))
    }

    @Test(arguments: [0, 1, 3]) func badRequestEqualsSwiftProtobuf(count: Int) throws {
        var request = Google_Rpc_BadRequest()
        var violations: [StatusDetail.FieldViolation] = []
        for index in 0..<count {
            var violation = Google_Rpc_BadRequest.FieldViolation()
            violation.field = "facts[\(index)].subscription.effective_date"
            violation.description_p = String(repeating: "é", count: index * 100)
            request.fieldViolations.append(violation)
            violations.append(.init(field: violation.field, description: violation.description_p))
        }
        let bytes = StatusDetails.serialized(code: 3, message: "bad é", details: [.badRequest(violations)])
        #expect(bytes == (try Self.expected(code: 3, message: "bad é", details: [request])))
    }

    @Test(arguments: [0, 1, 999, 1_000, 1_001, 86_400_123, Int64.max, -5]) func retryInfo(milliseconds: Int64) throws {
        var info = Google_Rpc_RetryInfo()
        info.retryDelay.seconds = max(milliseconds, 0) / 1_000
        info.retryDelay.nanos = Int32(max(milliseconds, 0) % 1_000) * 1_000_000
        let bytes = StatusDetails.serialized(
            code: 8, message: "slow down", details: [.retryInfo(milliseconds: milliseconds)])
        #expect(bytes == (try Self.expected(code: 8, message: "slow down", details: [info])))
    }

    @Test func severalDetailsInTheirOrder() throws {
        var info = Google_Rpc_ErrorInfo()
        info.reason = "RATE"
        info.domain = StatusDetails.domain
        var retry = Google_Rpc_RetryInfo()
        retry.retryDelay.seconds = 2
        let bytes = StatusDetails.serialized(
            code: 8, message: "", details: [.errorInfo(reason: "RATE"), .retryInfo(milliseconds: 2_000)])
        #expect(bytes == (try Self.expected(code: 8, message: "", details: [info, retry])))
    }

    @Test func messagesAreThoseOfTheStatus() throws {
        let details: [StatusDetail] = [
            .errorInfo(reason: "R", metadata: ["a": "b"]), .badRequest([]), .retryInfo(milliseconds: 1_500),
            .badRequest([.init(field: "f", description: "is no day")]),
        ]
        let status = StatusDetails.serialized(code: 3, message: "m", details: details)
        #expect(StatusDetails.messages(details) == (try Google_Rpc_Status(serializedBytes: status)).details)
    }
}
