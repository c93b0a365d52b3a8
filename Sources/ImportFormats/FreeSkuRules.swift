/// Which SKUs of the vendor's catalog are nobody's purchase: people take them by themselves, or the vendor gives them
/// to whole organizations, with 10,000 or a million units that would drown every figure.
enum FreeSkuRules {
    /// Words of a part number that say so, between characters that are no letters or digits. `VTRIAL` is a viral trial.
    static let words: Set<String> = ["VIRAL", "VTRIAL", "EXPLORATORY", "ADHOC", "SELFSERVICE"]

    /// Part numbers without such a word, upper case. `IW` (information worker) alone does not tell: Office 365 A1 Plus
    /// of schools has it too. What an administrator starts as a trial is none of them, because its subscription says
    /// that it is one; nor is what a department pays for itself (`_DEPT`).
    static let partNumbers: Set<String> = [
        // Sign-up by a person, without an end and without a price.
        "POWER_BI_STANDARD", "POWER_BI_STANDARD_FACULTY", "POWER_BI_STANDARD_STUDENT", "POWERAPPS_DEV", "SMB_APPS",
        // Trials that a person starts.
        "AX7_USER_TRIAL", "D365_SALES_PRO_IW", "DYN365_AI_SERVICE_INSIGHTS", "DYN365_ENTERPRISE_P1_IW", "FORMS_PRO",
        "MS_TEAMS_IW", "PROJECT_MADEIRA_PREVIEW_IW_SKU", "TEAMS_COMMERCIAL_TRIAL",
        // Given to everybody in the organization.
        "POWERAPPS_PER_APP_IW", "SPZA_IW",
    ]

    static func isFree(partNumber: String) -> Bool {
        let name = partNumber.uppercased()
        if partNumbers.contains(name) { return true }
        let parts = name.split { !$0.isLetter && !$0.isNumber }.map(String.init)
        if parts.contains(where: words.contains) { return true }
        // Two words that are also written as one; `FREE` counts as the last word alone.
        return parts.last == "FREE"
            || zip(parts, parts.dropFirst()).contains { words.contains($0 + $1) }
    }
}
