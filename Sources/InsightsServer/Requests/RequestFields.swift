import InsightsAPI
import InsightsCore
import LicenseModel
import Tenancy

/// Validation of the fields that many requests share. Each error names the field as the proto does.
enum RequestFields {
    /// `as_of`: nil for empty, which means the default of the method; not after today.
    static func asOf(_ text: String, today: Day) throws(FieldError) -> Day? {
        text.isEmpty ? nil : try FieldRules.day(text, notAfter: today, "as_of")
    }

    /// `customer_id` where it is required.
    static func customer(_ text: String) throws(FieldError) -> CustomerID {
        try FieldRules.id(text, "customer_id")
    }

    /// `customer_id` where empty means the portfolio.
    static func optionalCustomer(_ text: String) throws(FieldError) -> CustomerID? {
        try FieldRules.optionalID(text, "customer_id")
    }

    /// `scope`: unspecified means all partners.
    static func reach(_ scope: PBLicenseScope) throws(FieldError) -> LicenseReach {
        try reach(number: scope.rawValue)
    }

    static func reach(number: Int) throws(FieldError) -> LicenseReach {
        switch number {
        case 0, 2: return .allPartners
        case 1: return .own
        default: throw FieldError("scope", "has no value \(number)")
        }
    }

    /// `products`: empty means all covered; duplicates collapse; in the order of the enum.
    static func products(_ products: [PBProduct]) throws(FieldError) -> [Product] {
        if products.isEmpty { return Product.allCases }
        var asked: Set<Product> = []
        for (index, product) in products.enumerated() {
            asked.insert(try self.product(number: product.rawValue, "products[\(index)]"))
        }
        return Product.allCases.filter(asked.contains)
    }

    /// A product by its number; unspecified and unknown ones are refused.
    static func product(number: Int, _ field: @autoclosure () -> String) throws(FieldError) -> Product {
        if number == 0 { throw FieldError(field(), "may not be PRODUCT_UNSPECIFIED") }
        guard let value = UInt8(exactly: number), let product = Product(rawValue: value) else {
            throw FieldError(field(), "has no value \(number)")
        }
        return product
    }

    /// `workload_code` where empty means none.
    static func optionalWorkload(_ code: String) throws(FieldError) -> Workload? {
        code.isEmpty ? nil : try FieldRules.workload(code, "workload_code")
    }

    /// `page_size`: 0 means the default; above the maximum it is clamped, below 0 refused.
    static func pageSize(_ size: Int32, default normal: Int = 50, maximum: Int = 1_000) throws(FieldError) -> Int {
        if size < 0 { throw FieldError("page_size", "is \(size): it must be between 0 and \(maximum)") }
        return size == 0 ? normal : min(Int(size), maximum)
    }

    /// `start_date` and `end_date`, both required and included: in order, not after today, at most
    /// `FactLimits.maximumRangeDays` days.
    static func range(start: String, end: String, today: Day) throws(FieldError) -> ClosedRange<Day> {
        let first = try FieldRules.day(start, notAfter: today, "start_date")
        let last = try FieldRules.day(end, notAfter: today, "end_date")
        if last < first { throw FieldError("end_date", "is before start_date (\(first))") }
        let days = first.distance(to: last) + 1
        if days > FactLimits.maximumRangeDays {
            throw FieldError("end_date", "makes a range of \(days) days: at most \(FactLimits.maximumRangeDays)")
        }
        return first...last
    }

    /// What `ExplainUsage` is asked for: exactly one of `product` and `workload_code`.
    static func subject(product: PBProduct, workloadCode: String) throws(FieldError) -> UsageSubject {
        switch (product == .unspecified, workloadCode.isEmpty) {
        case (true, true): throw FieldError("product", "or workload_code is required")
        case (false, false): throw FieldError("workload_code", "may not stand beside product: exactly one of both")
        case (false, true): return .product(try self.product(number: product.rawValue, "product"))
        case (true, false): return .workload(try FieldRules.workload(workloadCode, "workload_code"))
        }
    }

}
