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
}
