import SwiftProtobuf

/// Protobuf JSON leaves a field without presence out when it is zero, empty or false, and SwiftProtobuf has no option
/// against it. A reader would take a count of zero for a count that nobody reported, so these fields are put back. They
/// are found as the properties of the generated types; enum values without a meaning (`…_UNSPECIFIED`) stay out.
enum JSONZeros {
    /// - Parameter object: the JSON of the message, with the names of the protos.
    static func filled(_ object: [String: Any], from message: any Message) -> [String: Any] {
        var object = object
        for (label, value) in properties(of: message) {
            let name = protoName(label ?? "")
            switch (object[name], value) {
            case (let json as [String: Any], let inner as any Message):
                object[name] = filled(json, from: inner)
            case (let json as [[String: Any]], let inner as [any Message]):
                object[name] = zip(json, inner).map { filled($0, from: $1) }
            case (nil, _):
                object[name] = zero(like: value)
            default:
                break
            }
        }
        return object
    }

    /// Large messages keep their fields in an object of their own.
    private static func properties(of message: any Message) -> Mirror.Children {
        let children = Mirror(reflecting: message).children
        guard let storage = children.first(where: { $0.label == "_storage" }) else { return children }
        return Mirror(reflecting: storage.value).children
    }

    /// Nil for what has presence, which is absent then.
    private static func zero(like value: Any) -> Any? {
        switch value {
        case is Int32, is Int64: 0
        case is Double: 0.0
        case is Bool: false
        case is String: ""
        case is [Any]: [Any]()
        default: nil
        }
    }

    /// `customer_id` for `customerID` or `_customerID`.
    static func protoName(_ property: String) -> String {
        var name = ""
        var wasLarge = true
        for character in property.drop(while: { $0 == "_" }) {
            if character.isUppercase && !wasLarge { name += "_" }
            name += character.lowercased()
            wasLarge = character.isUppercase
        }
        return name
    }
}
