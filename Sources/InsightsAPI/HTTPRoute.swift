/// A GET of HTTP that stands for a method, as `google.api.http` of the protos has it.
public struct HTTPRoute: Sendable {
    public let method: Method
    /// As in the protos: `/v1/customers/{customer_id}/insights`.
    public let pattern: String
    /// The fields of the request that its variables are, which are texts, by their order.
    public let path: [Field]
    /// The fields of the request that stand in the query, by the order of their numbers.
    public let query: [Field]

    /// A field of a request.
    public struct Field: Sendable, Hashable {
        public let number: Int
        /// As the protos write it: `customer_id`.
        public let name: String
        /// As JSON writes it: `customerId`.
        public let jsonName: String
        public let kind: Kind
        public let isRepeated: Bool

        init(_ number: Int, _ name: String, _ jsonName: String, _ kind: Kind, isRepeated: Bool = false) {
            self.number = number
            self.name = name
            self.jsonName = jsonName
            self.kind = kind
            self.isRepeated = isRepeated
        }
    }

    public enum Kind: Sendable, Hashable {
        case string
        case bool
        case int32
        case int64
        case uint64
        /// Its values by their names.
        case enumeration([String: Int32])
    }

    init(_ method: Method, _ pattern: String, _ path: [Field], _ query: [Field]) {
        self.method = method
        self.pattern = pattern
        self.path = path
        self.query = query
    }
}

/// A reply that says of which facts it is.
public protocol RevisedReply {
    var revision: UInt64 { get }
}
