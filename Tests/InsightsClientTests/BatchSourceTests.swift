import ImportFormats
import LicenseModel
import Testing

@testable import insights

@Suite(.timeLimit(.minutes(1))) struct BatchSourceTests {
    private func source() throws -> BatchSource {
        var options = ImportOptions(today: Day(number: 20_544))
        options.date = Day(number: 20_543)
        options.customerID = "fabrikam"
        // A batch for each fact: more of them than are made ahead.
        options.limits.singleBatchFacts = 1
        options.limits.batchFacts = 1
        let text = (0..<6).map { #"{"customer":{"customerId":"c\#($0)","name":"n"}}"# + "\n" }.joined()
        let plan = ImportPlan(
            kind: .facts, files: [InputFile(name: "facts", bytes: Array(text.utf8))], options: options)
        return BatchSource(plan: plan, inspection: try plan.inspect())
    }

    /// However far it came: one whose batches nobody took goes like any other.
    @Test(arguments: 0...2)
    func whatIsNotTakenGoes(_ taken: Int) async throws {
        for _ in 0..<50 {
            let source = try source()
            for _ in 0..<taken { _ = try await source.next() }
            // Time to make what is made ahead.
            try await Task.sleep(for: .milliseconds(2))
            source.stop()
        }
    }

    /// Nor does an import end the process whose first call fails while the next batch is made.
    @Test func aReaderThatIsCanceled() async throws {
        for _ in 0..<50 {
            let source = try source()
            let reading = Task { try await source.next() }
            reading.cancel()
            _ = await reading.result
            source.stop()
        }
    }
}
