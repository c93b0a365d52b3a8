import LicenseModel

/// Ways to write a day that are not ISO 8601: those of PowerShell that say one day for sure are read, those of a locale
/// are named.
enum DayForm {
    /// The day of `/Date(1700000000000)/`, milliseconds of Unix time with an offset that does not matter.
    static func slashDate(_ text: String) -> Day? {
        guard text.hasPrefix("/Date("), text.hasSuffix(")/"), text.utf8.count <= 40 else { return nil }
        var digits = text.dropFirst(6).dropLast(2)
        if let sign = digits.dropFirst().firstIndex(where: { $0 == "+" || $0 == "-" }) {
            guard digits[sign...].dropFirst().utf8.count == 4, Int(digits[sign...].dropFirst()) != nil else {
                return nil
            }
            digits = digits[..<sign]
        }
        guard let milliseconds = Int64(digits), milliseconds >= 0 else { return nil }
        return Day(number: Int32(clamping: milliseconds / 86_400_000))
    }

    /// What is wrong with a text that should be a day, to follow its name and excerpt.
    static func complaint(_ text: String) -> String {
        let wayOut =
            "write it as YYYY-MM-DD (in PowerShell with .ToString('o'), in a spreadsheet with the format yyyy-mm-dd)"
        if isByLocale(text) { return "is a date by locale, of which day and month cannot be told for sure; \(wayOut)" }
        if text.utf8.count == 5, let number = Int(text), (25_569...60_000).contains(number) {
            return "is the serial number of a spreadsheet, not a day; \(wayOut)"
        }
        if PowerShellText.isCut(text) { return PowerShellText.cutComplaint }
        return "is not a date or timestamp; \(wayOut)"
    }

    /// `3/31/2026`, `31-03-2026 14:00`, `31.3.26`, `1/10/2026 9:00:00 AM`, `Saturday 10 January 2026`.
    private static func isByLocale(_ text: String) -> Bool {
        let parts = text.split(separator: " ", omittingEmptySubsequences: true)
        guard let first = parts.first else { return false }
        for mark in ["/", "-", "."] as [Character] {
            let numbers = first.split(separator: mark, omittingEmptySubsequences: true)
            if numbers.count >= 3, numbers.prefix(3).allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
                mark != "-" || numbers[0].count <= 2
            {
                return true
            }
        }
        // Names of days and months, and halves of the day.
        let hasWord = parts.contains { $0.count >= 2 && $0.allSatisfy { $0.isLetter || $0 == "," || $0 == "." } }
        return hasWord && text.contains { $0.isNumber }
    }
}

/// What PowerShell writes in place of a value.
enum PowerShellText {
    static let cutComplaint =
        "is what PowerShell leaves of an object below its depth; save the file with ConvertTo-Json -Depth 10"

    /// True for the name of a type or the text of an object where its content should be.
    static func isCut(_ text: String) -> Bool {
        text.hasPrefix("@{") || text.hasPrefix("System.") || text.hasPrefix("Microsoft.Graph.")
    }
}
