import Foundation
import LicenseModel
import Testing

@testable import InsightsServer

@Suite struct StoreConditionTests {
    private let second: UInt64 = 1_000_000_000
    private let folder = StoreCondition.Folder(path: NSTemporaryDirectory(), whenFull: "no room")

    private func revision(_ number: Int64) -> Revision { Revision(number: number) }

    @Test func aFailedWriteCountsUntilOneSucceeds() {
        let condition = StoreCondition(folders: [folder])
        #expect(condition.problem(revision: revision(3), now: 0) == nil)
        condition.failed(.full, revision: revision(3), now: second)
        #expect(condition.problem(revision: revision(3), now: 2 * second) == "the store has no room left on its disk")
        #expect(condition.problem(revision: revision(4), now: 2 * second) == nil)
        #expect(condition.problem(revision: revision(4), now: 3 * second) == nil)
    }

    @Test func aFailedWriteIsForgottenWhenNobodyTries() {
        let condition = StoreCondition(folders: [folder])
        condition.failed(.unavailable("busy"), revision: revision(3), now: second)
        #expect(condition.problem(revision: revision(3), now: 5 * second) != nil)
        #expect(condition.problem(revision: revision(3), now: 6 * second) == nil)
    }

    @Test func faultsOfAChangeAreNotTheStores() {
        let condition = StoreCondition(folders: [folder])
        condition.failed(.alreadyExists, revision: revision(3), now: second)
        #expect(condition.problem(revision: revision(3), now: second) == nil)
    }

    @Test func aFolderThatTakesNoFileIsNamed() {
        let missing = StoreCondition.Folder(path: "/no/such/folder", whenFull: "no room")
        let condition = StoreCondition(folders: [folder, missing])
        #expect(
            condition.problem(revision: revision(1), now: 0) == "a file cannot be made: No such file or directory")
    }
}
