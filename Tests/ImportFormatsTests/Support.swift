import Foundation
import InsightsAPI
import LicenseModel
import Testing

@testable import ImportFormats

let today = day("2026-04-01")
let tenant = "7d1a0b54-1f6e-4d0a-9a53-3a1b7f1c0001"
let officeE3 = "6fd2c87f-b296-42f0-b197-1e91e994b900"

/// A day that a test knows to be one.
func day(_ text: String) -> Day { Day(text) ?? .first }

func fixture(_ name: String) throws -> InputFile {
    let url = try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures"))
    return InputFile(name: name, bytes: [UInt8](try Data(contentsOf: url)))
}

func input(_ text: String, name: String = "input") -> InputFile {
    InputFile(name: name, bytes: Array(text.utf8))
}

func options(_ change: (inout ImportOptions) -> Void = { _ in }) -> ImportOptions {
    var options = ImportOptions(today: today)
    options.customerID = "fabrikam"
    options.customerTenant = tenant
    options.date = day("2026-03-31")
    change(&options)
    return options
}

/// Collects in a class, because the plan hands facts to an escaping closure.
final class Collected {
    var batches = [ImportBatch]()

    var facts: [PBFact] { batches.flatMap(\.request.facts) }
}

func run(_ kind: ImportKind, _ files: [InputFile], _ options: ImportOptions) throws -> (Collected, ImportInspection) {
    let plan = ImportPlan(kind: kind, files: files, options: options)
    let inspection = try plan.inspect()
    let collected = Collected()
    try plan.makeBatches(inspection) { collected.batches.append($0) }
    return (collected, inspection)
}

func subscriptions(_ collected: Collected) -> [PBSubscriptionFact] {
    collected.facts.compactMap { if case .subscription(let fact) = $0.fact { fact } else { nil } }
}

func subscriptionSnapshots(_ collected: Collected) -> [PBSubscriptionSnapshotFact] {
    collected.facts.compactMap { if case .subscriptionSnapshot(let fact) = $0.fact { fact } else { nil } }
}

/// The problem of an import that must fail.
func problem(_ kind: ImportKind, _ files: [InputFile], _ options: ImportOptions) -> String {
    do {
        _ = try ImportPlan(kind: kind, files: files, options: options).inspect()
        return "no problem"
    } catch {
        return "\(error)"
    }
}
