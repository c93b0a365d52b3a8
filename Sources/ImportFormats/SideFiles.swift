/// Small files that an import needs beside its own.
public enum SideFiles {
    /// SKU ids by lower-cased offer id, from a CSV with the columns `offer_id` and `sku_id`.
    public static func offerMap(_ file: InputFile, limits: ImportLimits = ImportLimits()) throws -> [String: String] {
        try named(file) {
            var offers = [String: String]()
            try CSVTable.read(file, required: ["offer_id", "sku_id"], limits: limits) { row in
                let offer = try row.required("offer_id").lowercased()
                let sku = try row.required("sku_id").lowercased()
                guard offers.updateValue(sku, forKey: offer) == nil else {
                    throw PositionedProblem(row.position, "offer \(offer.excerpt) occurs twice")
                }
            }
            return offers
        }
    }

    /// SKU ids from a JSON document of Graph `subscribedSkus`, or from a text file with one id on each line.
    public static func skuIDs(_ file: InputFile, options: ImportOptions) throws -> [String] {
        try named(file) {
            if try JSONDocument.isJSON(file, limits: options.limits) {
                var ids = [String]()
                var pages = ListPages()
                let envelope = try JSONDocument.readList(
                    file, as: .graphSubscribedSkus, limits: options.limits
                ) { object, _ in
                    let sku = try GraphSubscribedSkusImporter.sku(object, options: options)
                    if sku.isForUsers { ids.append(sku.id) }
                }
                pages.add(envelope, of: file)
                try pages.checkComplete()
                return ids
            }
            let text = String(decoding: try JSONDocument.wholeFile(file, limits: options.limits), as: UTF8.self)
            var ids = [String]()
            for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
            {
                let id = String(line).trimmedBlanks.lowercased()
                if id.isEmpty { continue }
                guard id.isGUID else {
                    throw PositionedProblem(FilePosition(line: index + 1, column: 1), "\(id.excerpt) is not a GUID")
                }
                ids.append(id)
            }
            return ids
        }
    }

    private static func named<Value>(_ file: InputFile, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let problem as PositionedProblem {
            throw ImportProblem(file: file.name, position: problem.position, message: problem.message)
        }
    }
}
