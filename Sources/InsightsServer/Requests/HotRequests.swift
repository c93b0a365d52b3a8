import LicenseModel
import Tenancy

/// `repeated Product products` of a request, without keeping what a hostile caller may repeat a million times.
struct ProductsField: Equatable {
    /// Number of values.
    private(set) var count = 0
    /// One bit per product asked, by its number.
    private var mask: UInt8 = 0
    /// The first value that is no product.
    private var firstBad: Bad?

    private struct Bad: Equatable {
        let index: Int
        let number: Int32
    }

    mutating func append(_ number: Int32) {
        if let value = UInt8(exactly: number), Product(rawValue: value) != nil {
            mask |= 1 << value
        } else if firstBad == nil {
            firstBad = Bad(index: count, number: number)
        }
        count += 1
    }

    /// Takes a field in either form, one value or packed; false for another wire type.
    mutating func read(
        _ tag: WireCursor.Tag, _ cursor: inout WireCursor, _ bytes: borrowing Span<UInt8>
    ) throws(WireError) -> Bool {
        switch tag.wireType {
        case 0: append(try cursor.enumeration(bytes))
        case 2:
            var packed = WireCursor(range: try cursor.body(bytes))
            while !packed.isAtEnd { append(try packed.enumeration(bytes)) }
        default: return false
        }
        return true
    }

    /// Empty means all covered; the same rules as `RequestFields.products`.
    func validated() throws(FieldError) -> [Product] {
        if let bad = firstBad {
            _ = try RequestFields.product(number: Int(bad.number), "products[\(bad.index)]")
        }
        return Self.lists[Int(mask)]
    }

    /// The products of each mask; no product means all.
    private static let lists: [[Product]] = (0...Int(UInt8.max)).map { mask in
        let asked = Product.allCases.filter { mask & (1 << Int($0.rawValue)) != 0 }
        return asked.isEmpty ? Product.allCases : asked
    }
}

/// The fields of a `GetCustomerInsightsRequest`, read by hand: it is the most frequent call.
struct CustomerInsightsFields: Equatable {
    private(set) var customerID = ""
    private(set) var asOf = ""
    private(set) var scope: Int32 = 0
    private(set) var products = ProductsField()
    private(set) var minRevision: UInt64 = 0

    init(decoding message: RawSpan) throws(WireError) {
        let bytes = Span<UInt8>(_bytes: message)
        var cursor = WireCursor(bytes)
        var (customerID, asOf) = (0..<0, 0..<0)
        while !cursor.isAtEnd {
            let tag = try cursor.fieldTag(bytes)
            switch (tag.field, tag.wireType) {
            case (1, 2): customerID = try cursor.text(bytes)
            case (2, 2): asOf = try cursor.text(bytes)
            case (3, 0): scope = try cursor.enumeration(bytes)
            case (4, 0), (4, 2): _ = try products.read(tag, &cursor, bytes)
            case (15, 0): minRevision = try cursor.varint(bytes)
            default: try cursor.skip(tag, bytes)
            }
        }
        self.customerID = try bytes.text(customerID)
        self.asOf = try bytes.text(asOf)
    }

    func validated(today: Day) throws(FieldError) -> CustomerInsightsQuery {
        CustomerInsightsQuery(
            customer: try RequestFields.customer(customerID),
            asOf: try RequestFields.asOf(asOf, today: today),
            reach: try RequestFields.reach(number: Int(scope)),
            products: try products.validated(),
            minRevision: minRevision)
    }
}

struct CustomerInsightsQuery: Equatable {
    let customer: CustomerID
    /// Nil means the default of the customer.
    let asOf: Day?
    let reach: LicenseReach
    let products: [Product]
    let minRevision: UInt64
}

/// The fields of a `CompareLicensesRequest`, read by hand.
struct CompareLicensesFields: Equatable {
    private(set) var customerID = ""
    private(set) var asOf = ""
    private(set) var products = ProductsField()
    private(set) var minRevision: UInt64 = 0

    init(decoding message: RawSpan) throws(WireError) {
        let bytes = Span<UInt8>(_bytes: message)
        var cursor = WireCursor(bytes)
        var (customerID, asOf) = (0..<0, 0..<0)
        while !cursor.isAtEnd {
            let tag = try cursor.fieldTag(bytes)
            switch (tag.field, tag.wireType) {
            case (1, 2): customerID = try cursor.text(bytes)
            case (2, 2): asOf = try cursor.text(bytes)
            case (3, 0), (3, 2): _ = try products.read(tag, &cursor, bytes)
            case (15, 0): minRevision = try cursor.varint(bytes)
            default: try cursor.skip(tag, bytes)
            }
        }
        self.customerID = try bytes.text(customerID)
        self.asOf = try bytes.text(asOf)
    }

    func validated(today: Day) throws(FieldError) -> CompareLicensesQuery {
        CompareLicensesQuery(
            customer: try RequestFields.optionalCustomer(customerID),
            asOf: try RequestFields.asOf(asOf, today: today),
            products: try products.validated(),
            minRevision: minRevision)
    }
}

struct CompareLicensesQuery: Equatable {
    /// Nil means the portfolio.
    let customer: CustomerID?
    let asOf: Day?
    let products: [Product]
    let minRevision: UInt64
}

extension Span<UInt8> {
    /// The text of a range that was found to be UTF-8.
    fileprivate func text(_ range: Range<Int>) throws(WireError) -> String {
        if range.isEmpty { return "" }
        do {
            return String(copying: try UTF8Span(validating: extracting(range)))
        } catch {
            throw WireError()
        }
    }
}
