import InsightsAPI
import InsightsCore
import LicenseModel
import InsightsWeb
import RPCEngine
import SwiftProtobuf
import Tenancy

/// Routes of the web as entries of the engine: each runs in the turn of whoever calls, and reads by the methods.
struct WebPages: Sendable {
    /// By `Method.rawValue`.
    let methods: [MethodEntry]
    let reads: Reads

    /// What a page may weigh, in bytes; larger ones are learned from.
    private static let expectedBytes = 65_536

    func entry(of route: WebRoute) -> MethodEntry {
        let handler: MethodHandler
        switch route.answer {
        case .open(let answer):
            handler = .web { (_, head, body) in
                { responder in answer(Self.request(route, head, body)) { responder.finish($0) } }
            }
        case .page(let page):
            handler = .web { (call, head, body) throws(RPCStatus) in
                guard let record = call.record, let caller = record.caller, let permission = record.permission else {
                    throw Refusal.noPermissionDeclared
                }
                let (methods, identity, memory) = (methods, caller.identity, caller.memory)
                let book = record.grant?.scope.map {
                    reads.published.load().book(in: $0, today: reads.clock.today())
                }
                return reads.inTurn(of: caller, permission, until: call.deadline) { responder in
                    let calls = PageCalls(
                        methods: methods, caller: Caller(identity, peerRevision: 0, memory: memory), book: book,
                        metadata: head.headers, responder: responder)
                    do throws(RPCStatus) {
                        responder.finish(try page(Self.request(route, head, body), calls))
                    } catch {
                        responder.finish(.failure(error))
                    }
                }
            }
        }
        return MethodEntry(
            path: route.pattern.text, handler: handler, maxMessageBytes: route.maxBodyBytes,
            expectedReplyBytes: Self.expectedBytes)
    }

    private static func request(_ route: WebRoute, _ head: WebHead, _ body: [UInt8]) -> WebRequest {
        // The same pattern described the path when the route was found.
        let variables = PathPattern.segments(of: head.path).flatMap(route.pattern.variables) ?? [:]
        return WebRequest(head, variables: variables, body: body)
    }
}

extension WebRoute {
    /// What the pipeline asks of its callers.
    var requirement: CallPipeline.Requirement { permission.map { .permission($0) } ?? .nothing }
}

/// The calls of one page. Belongs to the thread on which the page is made.
private struct PageCalls: LocalCalls {
    let methods: [MethodEntry]
    let caller: Caller
    let book: PartnerBook?
    let metadata: Metadata
    let responder: UnaryResponder

    var principal: Principal { caller.principal }

    func call<Reply: SwiftProtobuf.Message>(
        _ method: InsightsAPI.Method, _ request: some SwiftProtobuf.Message, as _: Reply.Type
    ) throws(RPCStatus) -> Reply {
        guard let permission = method.permission, method.onlyReads, methods.indices.contains(method.rawValue) else {
            throw Refusal.noPermissionDeclared
        }
        // A page may make many calls, of which none is for somebody who is gone.
        if responder.isCancelled { throw RPCStatus(.cancelled, "nobody waits for the answer") }
        let call = CallContext(method: method.rawValue, path: method.path, metadata: metadata)
        let record = CallRecord()
        record.caller = caller
        record.grant = try caller.grant(for: permission)
        record.permission = permission
        record.isLocal = true
        // A revision that is not here is not waited for.
        record.revisionWaitEnds = 0
        call.attachment = record
        return try decode(try answer(of: methods[method.rawValue].handler, to: try encoded(request), call))
    }

    private func answer(
        of handler: MethodHandler, to request: [UInt8], _ call: CallContext
    ) throws(RPCStatus) -> [UInt8] {
        var reply: [UInt8] = []
        switch handler {
        case .unary(let handler): try handler(call, request.span.bytes, &reply)
        case .deferrable(let handler):
            guard case .now(let make) = try handler(call, request.span.bytes) else {
                throw RPCStatus(.unimplemented, "the method is not one for pages")
            }
            try make(&reply)
        case .serverStream, .bidirectional, .web:
            throw RPCStatus(.unimplemented, "the method is not one for pages")
        }
        return reply
    }

    func workloadCodes(of sku: String) -> [String] {
        guard let book, let sku = try? SkuID(sku) else { return [] }
        return book.workloads(of: sku).map(\.code)
    }
}
