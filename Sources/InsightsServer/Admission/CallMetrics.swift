import InsightsAPI
import RPCEngine
import Synchronization

/// Counts of calls by method and code, written by every event loop and read by `/metrics`. The set of series is fixed
/// at start, so no caller can make it grow.
final class CallMetrics: Sendable {
    private struct MethodCounts {
        var codes = [UInt64](repeating: 0, count: RPCStatus.Code.allCases.count)
        var requestBytes: UInt64 = 0
        var responseBytes: UInt64 = 0
        var nanoseconds: UInt64 = 0
    }

    private let paths: [String]
    /// One lock per method; the last one counts unknown methods.
    private let methods: [MethodCounter]

    private final class MethodCounter: Sendable {
        let counts = Mutex(MethodCounts())
    }

    /// - Parameter paths: of the served methods, in the order of the server's configuration.
    init(paths: [String]) {
        self.paths = paths + ["unknown"]
        methods = self.paths.map { _ in MethodCounter() }
    }

    func count(methodIndex: Int, outcome: CallOutcome) {
        let index = methodIndex >= 0 && methodIndex < methods.count - 1 ? methodIndex : methods.count - 1
        methods[index].counts.withLock { counts in
            counts.codes[Int(outcome.code.rawValue)] &+= 1
            counts.requestBytes &+= outcome.requestBytes
            counts.responseBytes &+= outcome.responseBytes
            counts.nanoseconds &+= outcome.durationNanoseconds
        }
    }

    /// Prometheus text format 0.0.4.
    func exposition() -> String {
        let snapshot = methods.map { $0.counts.withLock { $0 } }
        var calls = "# HELP grpc_server_handled_total Calls ended, by method and status code.\n"
        calls += "# TYPE grpc_server_handled_total counter\n"
        var requests = "# HELP grpc_server_request_bytes_total Bytes of request messages.\n"
        requests += "# TYPE grpc_server_request_bytes_total counter\n"
        var responses = "# HELP grpc_server_response_bytes_total Bytes of reply messages.\n"
        responses += "# TYPE grpc_server_response_bytes_total counter\n"
        var seconds = "# HELP grpc_server_handling_seconds_total Seconds from headers to end, summed over calls.\n"
        seconds += "# TYPE grpc_server_handling_seconds_total counter\n"
        for (path, counts) in zip(paths, snapshot) {
            let label = "grpc_method=\"\(path)\""
            for code in RPCStatus.Code.allCases where counts.codes[Int(code.rawValue)] > 0 {
                let value = counts.codes[Int(code.rawValue)]
                calls += "grpc_server_handled_total{\(label),grpc_code=\"\(code.name)\"} \(value)\n"
            }
            guard counts.codes.contains(where: { $0 > 0 }) else { continue }
            requests += "grpc_server_request_bytes_total{\(label)} \(counts.requestBytes)\n"
            responses += "grpc_server_response_bytes_total{\(label)} \(counts.responseBytes)\n"
            seconds += "grpc_server_handling_seconds_total{\(label)} \(Double(counts.nanoseconds) / 1e9)\n"
        }
        return calls + requests + responses + seconds
    }
}

extension RPCStatus.Code {
    /// As gRPC writes it: `INVALID_ARGUMENT`.
    var name: String { StatusCodeNames.name(of: Int32(rawValue)) }
}
