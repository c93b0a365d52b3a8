import LicenseModel

/// From which day a subscription's row holds.
struct SubscriptionTiming {
    let options: ImportOptions

    /// The day of creation for a first file or when no day is given, otherwise the day of the download.
    func effectiveDay(created: Day?) -> Day {
        if options.sinceCreation || options.date == nil, let created {
            return min(created, options.snapshotDay)
        }
        return options.snapshotDay
    }
}
