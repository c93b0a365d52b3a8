import LicenseModel

/// What only a whole file tells and a single row does not. A reading of the files collects it; when it is not empty,
/// they are read once more with it. Nearly every import has none.
struct ImportFindings: Sendable, Equatable {
    /// The report of one day in one file.
    struct Report: Hashable, Sendable {
        /// Which file of the import, from 1.
        var file: Int
        var day: Day
    }

    /// Reports that show names and have something that looks like a digest beside them. Names are concealed in a whole
    /// report or not at all, so it is a name like the others.
    var openReports: Set<Report> = []
    /// Where several subscriptions of a directory have one commerce id: the own id of the one that goes by it.
    var commerceIDKeepers: [String: String] = [:]
}
