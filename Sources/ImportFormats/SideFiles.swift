/// The SKUs that a customer has.
public struct CustomerSkus: Sendable, Equatable {
    /// Lower-cased ids of those that people hold.
    public var ids: [String] = []
    /// Licenses that people hold by the directory's own count, where the file tells.
    public var consumedUnits: [String: Int64] = [:]
}

/// Small files that an import needs beside its own.
public enum SideFiles {
    /// A CSV with the columns `offer_id` (whole, or its first two parts) and `sku_id`.
    public static func offerMap(_ file: InputFile, limits: ImportLimits = ImportLimits()) throws -> OfferMap {
        try file.naming {
            var offers = OfferMap()
            try CSVTable.read(file, required: ["offer_id", "sku_id"], limits: limits) { row in
                let offer = try row.required("offer_id")
                guard offers.add(offer: offer, sku: try row.required("sku_id").lowercased()) else {
                    throw PositionedProblem(row.position, "offer \(offer.excerpt) occurs twice, as two SKUs")
                }
            }
            return offers
        }
    }

    /// The SKUs of a customer, from a JSON document of Graph `subscribedSkus`, or from a text file with one id on each
    /// line, which does not tell how many are consumed.
    public static func customerSkus(_ file: InputFile, options: ImportOptions) throws -> CustomerSkus {
        try file.naming {
            var skus = CustomerSkus()
            guard try JSONDocument.isJSON(file, limits: options.limits) else {
                for (position, line) in try lines(file, limits: options.limits) {
                    let id = line.lowercased()
                    guard id.isGUID else { throw PositionedProblem(position, "\(id.excerpt) is not a GUID") }
                    skus.ids.append(id)
                }
                return skus
            }
            var pages = ListPages()
            let envelope = try JSONDocument.readList(
                file, as: .graphSubscribedSkus, limits: options.limits
            ) { object, _ in
                // Nobody can hold what has no usable id.
                guard case .success(let sku) = try GraphSubscribedSkusImporter.sku(object, options: options),
                    sku.isForUsers
                else { return }
                skus.ids.append(sku.id)
                if let consumed = try object.count("consumedUnits") { skus.consumedUnits[sku.id] = consumed }
            }
            pages.add(envelope, of: file)
            try pages.checkComplete()
            return skus
        }
    }

    /// SKU ids and part numbers, lower-cased, from a text file with one on each line.
    public static func freeSkus(_ file: InputFile, limits: ImportLimits = ImportLimits()) throws -> Set<String> {
        try file.naming { Set(try lines(file, limits: limits).map { $0.text.lowercased() }) }
    }

    /// Lines that are not blank, with their places.
    private static func lines(
        _ file: InputFile, limits: ImportLimits
    ) throws -> [(position: FilePosition, text: String)] {
        let text = String(decoding: try JSONDocument.wholeFile(file, limits: limits), as: UTF8.self)
        return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().map {
            (FilePosition(line: $0.offset + 1, column: 1), String($0.element).trimmedBlanks)
        }.filter { !$0.text.isEmpty }
    }
}
