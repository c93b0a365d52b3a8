import ArgumentParser
import InsightsCore
import InsightsServer

extension NumberOption {
    private static let thresholds = ServiceSettings().advice
    private static let counts = 0...1_000_000_000

    static let adviceUsers = NumberOption(
        "advice-users", "Show the value: from so many total users…", unit: "users",
        Int(thresholds.minimumTotalUsers), in: counts)
    static let adviceUsage = NumberOption(
        "advice-usage", "…with usage below so many percent", unit: "%", Int(thresholds.lowUsagePercent), in: 0...100_000
    )
    static let adviceSold = NumberOption(
        "advice-sold", "or from so many sold licenses…", unit: "licenses", Int(thresholds.minimumSold), in: counts)
    static let adviceDeployment = NumberOption(
        "advice-deployment", "…with deployment below so many percent", unit: "%",
        Int(thresholds.lowDeploymentPercent), in: 0...100_000)
    static let adviceRequests = NumberOption(
        "advice-requests", "Offer training: from so many how-to requests…", unit: "requests",
        Int(thresholds.minimumHowToRequests), in: counts)
    static let adviceRequestRate = NumberOption(
        "advice-request-rate", "…and so many for each 100 total users", unit: "requests",
        Int(thresholds.howToRequestsPer100Users), in: counts)
    static let adviceTermDays = NumberOption(
        "advice-term-days", "Reclaim licenses: the term ends within so many days…", unit: "days",
        thresholds.termEndDays, in: 0...3_650)
    static let adviceMonthlyDays = NumberOption(
        "advice-monthly-days", "…or, where it is a month and renews by itself, within so many", unit: "days",
        thresholds.monthlyRenewalDays, in: 0...3_650)

    /// When advice is given, in the order of the documentation, with the flags.
    static let advice: [(option: NumberOption, flag: KeyPath<AdviceOptions, Int?> & Sendable)] = [
        (adviceUsers, \.adviceUsers), (adviceUsage, \.adviceUsage), (adviceSold, \.adviceSold),
        (adviceDeployment, \.adviceDeployment), (adviceRequests, \.adviceRequests),
        (adviceRequestRate, \.adviceRequestRate), (adviceTermDays, \.adviceTermDays),
        (adviceMonthlyDays, \.adviceMonthlyDays),
    ]
}

/// The flags of the thresholds of advice.
struct AdviceOptions: ParsableArguments {
    @Option(help: NumberOption.adviceUsers.help) var adviceUsers: Int?
    @Option(help: NumberOption.adviceUsage.help) var adviceUsage: Int?
    @Option(help: NumberOption.adviceSold.help) var adviceSold: Int?
    @Option(help: NumberOption.adviceDeployment.help) var adviceDeployment: Int?
    @Option(help: NumberOption.adviceRequests.help) var adviceRequests: Int?
    @Option(help: NumberOption.adviceRequestRate.help) var adviceRequestRate: Int?
    @Option(help: NumberOption.adviceTermDays.help) var adviceTermDays: Int?
    @Option(help: NumberOption.adviceMonthlyDays.help) var adviceMonthlyDays: Int?
}

extension NumberSettings {
    /// When advice is given.
    var advice: AdviceThresholds {
        var thresholds = AdviceThresholds()
        thresholds.minimumTotalUsers = Int64(self[.adviceUsers])
        thresholds.lowUsagePercent = Int64(self[.adviceUsage])
        thresholds.minimumSold = Int64(self[.adviceSold])
        thresholds.lowDeploymentPercent = Int64(self[.adviceDeployment])
        thresholds.minimumHowToRequests = Int64(self[.adviceRequests])
        thresholds.howToRequestsPer100Users = Int64(self[.adviceRequestRate])
        thresholds.termEndDays = self[.adviceTermDays]
        thresholds.monthlyRenewalDays = self[.adviceMonthlyDays]
        return thresholds
    }
}
