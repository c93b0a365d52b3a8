import Foundation
import RPCEngine
import Synchronization

/// A server for tests:
/// `InteropServer --cert F --key F [--ca F] [--crl F] [--loops N] [--tls12] [--limit NAME=VALUE]… [--web]`.
/// Prints `ready PORT`, then obeys lines on standard input: `stats`, `reload`, `drain MILLISECONDS`.
/// Ends with its input.
struct Options {
    var values: [String: String] = [:]
    var limits = Limits()
    var tls12 = false
    var web = false

    init(_ arguments: [String]) {
        var rest = arguments.dropFirst()
        while let name = rest.popFirst() {
            if name == "--tls12" {
                tls12 = true
            } else if name == "--web" {
                web = true
            } else if name == "--limit", let pair = rest.popFirst()?.split(separator: "=") {
                set(String(pair[0]), Int(pair[1]) ?? 0)
            } else if let value = rest.popFirst() {
                values[name] = value
            }
        }
    }

    private mutating func set(_ name: String, _ value: Int) {
        switch name {
        case "connections": limits.maxConnections = value
        case "perAddress": limits.maxConnectionsPerAddress = value
        case "handshake": limits.handshakeTimeout = .milliseconds(value)
        case "preface": limits.prefaceTimeout = .milliseconds(value)
        case "headers": limits.headersTimeout = .milliseconds(value)
        case "request": limits.requestTimeout = .milliseconds(value)
        case "idle": limits.idleTimeout = .milliseconds(value)
        case "age": limits.maxConnectionAge = .milliseconds(value)
        case "ageGrace": limits.connectionAgeGrace = .milliseconds(value)
        case "keepalive": limits.keepaliveInterval = .milliseconds(value)
        case "keepaliveTimeout": limits.keepaliveTimeout = .milliseconds(value)
        case "unread": limits.unreadTimeout = .milliseconds(value)
        case "memory": limits.memoryBudget = value
        case "message": limits.maxMessageBytes = value
        case "streams": limits.maxConcurrentStreams = value
        default: fatalError("unknown limit \(name)")
        }
    }
}

/// Refuses calls with the header `x-refuse` (its value is the code), ends streams with `x-recheck`, counts the rest.
final class TestInterceptor: CallInterceptor {
    let begun = Atomic<Int>(0)
    let ended = Atomic<Int>(0)
    let codes = Mutex<[UInt8: Int]>([:])

    func begin(_ call: CallContext, method: MethodEntry) throws(RPCStatus) {
        begun.wrappingAdd(1, ordering: .relaxed)
        if let code = call.metadata["x-refuse"] { throw TestService.status(Int(code) ?? 2, "refused") }
    }

    func end(_ call: CallContext, method: MethodEntry?, outcome: CallOutcome) {
        ended.wrappingAdd(1, ordering: .relaxed)
        codes.withLock { $0[outcome.code.rawValue, default: 0] += 1 }
    }

    func status(of exceeded: ExceededLimit) -> RPCStatus {
        RPCStatus(
            .resourceExhausted, exceeded.message, trailers: [("x-limit", "\(exceeded.kind) \(exceeded.limit)")])
    }

    func recheck(_ call: CallContext) -> RPCStatus? {
        call.metadata["x-recheck"] == nil ? nil : RPCStatus(.permissionDenied, "withdrawn")
    }
}

func residentKilobytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (Int(text.split(separator: " ").dropFirst().first ?? "0") ?? 0) * 4
}

func say(_ text: String) {
    print(text)
    fflush(nil)
}

let options = Options(CommandLine.arguments)
let interceptor = TestInterceptor()
let events = Mutex<[String]>([])
let verbose = options.values["--verbose"] == "yes"
let configuration = ServerConfiguration(
    host: options.values["--host"] ?? "127.0.0.1", port: UInt16(options.values["--port"] ?? "0") ?? 0,
    loops: Int(options.values["--loops"] ?? "2") ?? 2,
    tls: TLSConfiguration(
        certificateChainPEM: options.values["--cert"] ?? "", keyPEM: options.values["--key"] ?? "",
        clientCAPEM: options.values["--ca"], crlPEM: options.values["--crl"],
        minimumVersion: options.tls12 ? .tls12 : .tls13),
    limits: options.limits, methods: TestService.methods + ProbeService.methods, interceptor: interceptor,
    web: options.web ? ProbeWeb() : nil,
    onEvent: { event in
        if verbose { FileHandle.standardError.write(Data("\(event)\n".utf8)) }
        if case .abuse(_, _, let kind) = event { events.withLock { $0.append(kind) } }
    })
do {
    let server = try Server(configuration: configuration)
    let address = try server.start()
    say("ready \(address.port)")
    while let line = readLine() {
        let words = line.split(separator: " ")
        switch words.first {
        case "stats":
            let totals = server.statistics
            let codes = interceptor.codes.withLock { $0.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") }
            let abuse = events.withLock { $0.map { "\"\($0)\"" }.joined(separator: ",") }
            say(
                "{\"connections\":\(totals.connectionsOpen),\"accepted\":\(totals.connectionsAccepted),"
                    + "\"refused\":\(totals.connectionsRefused),\"handshakesFailed\":\(totals.handshakesFailed),"
                    + "\"callsOpen\":\(totals.callsOpen),\"calls\":\(totals.callsStarted),"
                    + "\"streamsRefused\":\(totals.streamsRefused),\"codes\":{\(codes)},\"abuse\":[\(abuse)],"
                    + "\"ended\":\(interceptor.ended.load(ordering: .relaxed)),"
                    + "\"cancelled\":\(ProbeService.cancelled.load(ordering: .relaxed)),"
                    + "\"memory\":\(server.memory.used),"
                    + "\"sources\":\(ProbeService.sourcesOpen.load(ordering: .relaxed)),"
                    + "\"rss\":\(residentKilobytes())}"
            )
        case "reload":
            do {
                try server.reloadTLS()
                say("reloaded \(server.tlsGeneration)")
            } catch { say("failed \(error)") }
        case "drain":
            let clean = server.drain(grace: .milliseconds(Int(words.last ?? "0") ?? 0))
            say("drained \(clean)")
            exit(0)
        default: say("unknown command")
        }
    }
    // Loops still run here: not the moment for the clean-up that `exit` does.
    _exit(0)
} catch {
    say("failed \(error)")
    exit(1)
}
