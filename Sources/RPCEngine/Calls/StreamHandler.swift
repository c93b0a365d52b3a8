/// Running the handler of a call with one request message.
extension Stream {
    private var loop: EventLoop { connection.loop }

    /// The one request message is complete.
    func runHandler(_ expected: Int) {
        guard let route, !isDecided else { return }
        switch route.entry.handler {
        case .unary(let handler):
            var answer = body.takeStorage()
            var failure: RPCStatus?
            let fine = withMessage { message in
                do throws(RPCStatus) { try handler(context, message.bytes, &answer) } catch { failure = error }
            }
            if let failure {
                body.keep(&answer)
                return context.wantsAnotherRun ? postpone() : finish(failure)
            }
            if fine, !isDecided { sendUnary(&answer) }
        case .deferrable(let handler): runDeferrable(handler, expected)
        case .serverStream(let handler):
            var failure: RPCStatus?
            var source: (any MessageSource)?
            let fine = withMessage { message in
                do throws(RPCStatus) { source = try handler(context, message.bytes) } catch { failure = error }
            }
            if let failure { return context.wantsAnotherRun ? postpone() : finish(failure) }
            guard fine, let source else { return }
            begin(source)
        case .web(let handler): runWeb(handler, expected)
        case .bidirectional: break
        }
    }

    private func begin(_ source: any MessageSource) {
        connection.streamingCount += 1
        if web == nil {
            producer = .source(source)
            startResponse()
        } else {
            startWebStream(source)
        }
        if loop.isDraining { tellDraining() }
    }

    private func runWeb(
        _ handler: (CallContext, WebHead, [UInt8]) throws(RPCStatus) -> (UnaryResponder) -> Void, _ expected: Int
    ) {
        guard let head = context.webHead else { return }
        var result: Result<(UnaryResponder) -> Void, RPCStatus>?
        var length = 0
        let fine = withMessage { message in
            do throws(RPCStatus) {
                result = .success(try handler(context, head, Array(message)))
                length = message.count
            } catch {
                result = .failure(error)
            }
        }
        guard fine, !isDecided, let result else { return }
        switch result {
        case .failure(let status): context.wantsAnotherRun ? postpone() : finish(status)
        case .success(let start): answerLater(start, length, expected)
        }
    }

    /// - Parameter length: of the message that the handler holds, in bytes.
    private func answerLater(_ start: (UnaryResponder) -> Void, _ length: Int, _ expected: Int) {
        let responder = UnaryResponder(loop: loop, stream: context.stream)
        producer = .responder(responder)
        heldRequest = length
        expectedReply = expected
        connection.expectedReplyBytes += expected
        start(responder)
        if !isDecided { shrinkInbox() }
    }

    private func runDeferrable(
        _ handler: (CallContext, RawSpan) throws(RPCStatus) -> UnaryAnswer, _ expected: Int
    ) {
        var result: Result<UnaryAnswer, RPCStatus>?
        var length = 0
        let fine = withMessage { message in
            do throws(RPCStatus) {
                result = .success(try handler(context, message.bytes))
                length = message.count
            } catch {
                result = .failure(error)
            }
        }
        guard fine, !isDecided, let result else { return }
        switch result {
        case .failure(let status): context.wantsAnotherRun ? postpone() : finish(status)
        case .success(.now(let make)):
            var message = body.takeStorage()
            do throws(RPCStatus) {
                try make(&message)
                sendUnary(&message)
            } catch {
                body.keep(&message)
                finish(error)
            }
        case .success(.later(let start)): answerLater(start, length, expected)
        }
    }
}
