import RPCEngine
import Testing

/// Defaults that must fit each other, whoever changes one.
@Suite struct LimitRelationTests {
    private let limits = Limits()

    /// A call's headers are less than its message, and a message fits what its connection may have under way.
    @Test func headersFitMessagesAndMessagesFitWindows() {
        #expect(limits.maxHeaderListBytes <= limits.maxMessageBytes)
        #expect(limits.maxMessageBytes <= limits.connectionWindowBytes)
        #expect(limits.streamWindowBytes <= limits.connectionWindowBytes)
        #expect(limits.connectionWindowBytes <= limits.maxBufferedRequestBytes)
        #expect(limits.writerQueueBytes <= limits.connectionQueueBytes)
    }

    /// Shorter waits lie within longer ones.
    @Test func stepsFitTheirWhole() {
        #expect(limits.crowdedHandshakeTimeout <= limits.handshakeTimeout)
        #expect(limits.headersTimeout <= limits.requestTimeout)
        // A call that begins with its connection may last an hour, also where that grows old a tenth too early.
        #expect(limits.maxConnectionAge * 0.9 + limits.connectionAgeGrace >= .seconds(3_600))
        #expect(limits.maxConnectionsPerAddress <= limits.maxConnections)
    }
}
