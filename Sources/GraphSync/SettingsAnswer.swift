import Foundation

/// The answer of `admin/reportSettings`.
enum SettingsAnswer {
    private static let largest = 256 << 10

    /// Nil when the answer does not tell.
    static func concealsNames(_ path: String) throws -> Bool? {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        return concealsNames(in: try handle.read(upToCount: largest) ?? Data())
    }

    static func concealsNames(in data: Data) -> Bool? {
        guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else { return nil }
        // The documentation shows the object under `value`.
        let settings = object["value"] as? [String: Any] ?? object
        return settings["displayConcealedNames"] as? Bool
    }
}
