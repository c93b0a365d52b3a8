import Synchronization

/// A progress bar on standard error where that is a terminal; silent elsewhere.
final class ProgressLine: Sendable {
    private let isTerminal: Bool
    private let last = Mutex("")

    init(isTerminal: Bool) { self.isTerminal = isTerminal }

    func show(done: Int64, total: Int64, unit: String, prefix: String, suffix: String = "") {
        guard isTerminal else { return }
        let percent = NumberText.share(done, of: total) ?? 0
        let screen = Screen(isTerminal: true, width: 80, isUnicode: Terminal.screen.isUnicode)
        let bar = BarText.bar(min(percent, 100), screen: screen)
        let line = "\(prefix) \(bar) \(NumberText.count(done)) of \(NumberText.count(total)) \(unit)\(suffix)"
        last.withLock { last in
            if last == line { return }
            last = line
            Terminal.redrawError(line)
        }
    }

    /// Removes the bar, so that the next line starts at the left.
    func clear() {
        last.withLock { last in
            if !last.isEmpty { Terminal.redrawError("") }
            last = ""
        }
    }
}
