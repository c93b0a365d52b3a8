import GRPCCore

/// The response as grpc-swift reads it.
struct CallInbound: AsyncSequence, Sendable {
    let call: Call

    struct AsyncIterator: AsyncIteratorProtocol {
        let call: Call

        func next() async throws -> Call.Part? { try await call.read() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(call: call) }
}

/// The request as grpc-swift writes it.
struct CallOutbound: ClosableRPCWriterProtocol {
    let call: Call

    func write(_ element: RPCRequestPart<[UInt8]>) async throws { try await call.write(element) }

    func write(contentsOf elements: some Sequence<RPCRequestPart<[UInt8]>>) async throws {
        for element in elements { try await call.write(element) }
    }

    func finish() async { call.finishWriting() }

    func finish(throwing error: any Error) async {
        call.abandon(error)
    }
}
