import ArgumentParser
import ImportFormats
import LicenseModel

/// Values of options that the argument parser knows nothing about, by the rules that the server has for its fields.
enum OptionText {
    static func day(_ text: String, _ option: String) throws -> Day {
        do throws(FieldError) {
            return try FieldRules.day(text, option)
        } catch {
            throw CommandFailure(error.message)
        }
    }

    /// The customer's tenant in lower case: what the option says, else the customer id where that is one; empty =
    /// unknown.
    static func tenant(_ option: String?, customer: String) -> String {
        (option ?? (customer.isGUID ? customer : "")).lowercased()
    }
}

extension ArgumentHelp {
    static var day: ArgumentHelp { day("Day (UTC).") }
    static var dayOfFigures: ArgumentHelp { day("Day of the figures (UTC).") }

    private static func day(_ abstract: String) -> ArgumentHelp {
        ArgumentHelp(
            abstract, discussion: "Default: the last day that activity was reported for.", valueName: "YYYY-MM-DD")
    }
}
