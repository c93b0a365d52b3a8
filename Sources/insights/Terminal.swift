import Foundation
import LicenseModel

/// What the reader of the output can show.
struct Screen: Sendable, Equatable {
    var isTerminal: Bool
    /// Columns of text.
    var width: Int
    /// False where block and braille characters would come out as garbage.
    var isUnicode: Bool

    static let plain = Screen(isTerminal: false, width: 100, isUnicode: true)
}

/// Standard output and error.
enum Terminal {
    static var screen: Screen {
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = isatty(1) != 0
        return Screen(isTerminal: isTerminal, width: width(environment), isUnicode: isUnicode(environment))
    }

    static var errorIsTerminal: Bool { isatty(2) != 0 }

    /// Writes to standard output; a reader that has gone away is not an error.
    static func write(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }

    static func writeError(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }

    /// After a change that is in force once every server has it.
    ///
    /// - Parameter servers: those that had not confirmed it when it was answered.
    static func warn(ofPending servers: UInt32) {
        guard servers > 0 else { return }
        let who = servers == 1 ? "1 server has" : "\(servers) servers have"
        writeError("Warning: \(who) not confirmed the change yet; repeat the command until none is left.")
    }

    /// Replaces the current line of the terminal.
    static func redrawError(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data(("\r\u{1B}[2K" + line).utf8))
    }

    private static func width(_ environment: [String: String]) -> Int {
        var size = winsize()
        if ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 { return min(Int(size.ws_col), 240) }
        if let columns = environment["COLUMNS"].flatMap(Int.init), columns >= 40 { return min(columns, 240) }
        return 100
    }

    private static func isUnicode(_ environment: [String: String]) -> Bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        // Containers often set no locale at all, and their terminals show UTF-8.
        guard let locale else { return true }
        return locale.uppercased().replacingOccurrences(of: "-", with: "").contains("UTF8")
            || !["C", "POSIX"].contains(locale.uppercased())
    }
}

/// The clock, at the one place where the command line reads it.
enum Clock {
    /// Today in UTC.
    static var today: Day { Day(unixSeconds: Int64(Date().timeIntervalSince1970)) }
}
