import Foundation
import Testing

/// The engine as its clients meet it. Each case starts a server of its own; `Scripts/*.py` hold the assertions.
/// One after another: several of them look at memory or at time limits.
@Suite(.serialized)
struct ScriptTests {
    @Test(arguments: [
        "unary_sizes", "status_details", "special_status_message", "metadata", "interceptor", "deadlines", "framing",
        "compression", "bomb", "cancellations", "slow_reader", "unread_replies", "back_pressure",
        "long_turns", "unary_beside_export", "vanished_clients",
    ])
    func calls(_ name: String) throws { try Harness.python("calls", name) }

    @Test(arguments: ["client_certificates", "reload", "expiry", "handshakes", "no_resumption"])
    func trust(_ name: String) throws { try Harness.python("trust", name) }

    @Test(arguments: [
        "drain_under_load", "drain_tells", "drain_cuts", "drain_tells_cut_streams", "age_and_idle",
        "quiet_connections", "keepalive", "connection_limits", "descriptors", "unread_ends", "memory_returns",
    ])
    func lifetime(_ name: String) throws { try Harness.python("lifetime", name) }

    @Test(arguments: [
        "rapid_reset", "unread_farewell", "made_you_reset", "made_you_reset_mixed", "continuation_flood",
        "control_floods", "empty_frames", "window_updates", "busy_but_honest", "header_lists", "trickles",
        "many_streams", "forbidden_bytes", "unread_acknowledgements",
    ])
    func abuse(_ name: String) throws { try Harness.python("abuse", name) }

    @Test(arguments: ["after_reset", "after_end", "not_opened", "numbers", "priorities", "harmless"])
    func conformance(_ name: String) throws { try Harness.python("conformance", name) }

    @Test(arguments: ["bodies", "cut_reply", "refusals", "ends"])
    func web(_ name: String) throws { try Harness.python("web", name) }

    /// The official client of another implementation.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/share/doc/ruby-grpc"), "needs Debian's ruby-grpc"))
    func rubyInterop() throws {
        let cases = [
            "empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
            "cancel_after_begin", "cancel_after_first_response", "timeout_on_sleeping_server",
            "status_code_and_message", "custom_metadata", "unimplemented_method", "unimplemented_service",
            "client_compressed_unary", "client_compressed_streaming",
        ]
        let script = Harness.scripts.appendingPathComponent("interop.sh").path
        try Harness.run("/bin/bash", [script, Harness.server.path, try Harness.certificates.get()] + cases)
    }
}
