/// gRPC's names of status codes.
public enum StatusCodeNames {
    /// By number.
    private static let names = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    /// The name of a status code; the number itself where there is none.
    public static func name(of code: Int32) -> String {
        let index = Int(code)
        return names.indices.contains(index) ? names[index] : "\(code)"
    }
}
