/// Status and headers of an answer, within the request's `headerBytes`.
public struct ResponseHead: Sendable {
    public let status: Int
    /// The lines as they came.
    private let block: [UInt8]

    init(status: Int, block: [UInt8]) {
        self.status = status
        self.block = block
    }

    /// The first header of that name, in any case.
    public func header(_ name: String) -> String? {
        for line in block.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let found = String(decoding: line[..<colon], as: UTF8.self)
            guard found.lowercased() == name.lowercased() else { continue }
            let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            let value = line[line.index(after: colon)...].drop(while: isSpace)
            return String(decoding: value.prefix { $0 != 0x0D }, as: UTF8.self)
        }
        return nil
    }
}

/// An answer that is whole.
public struct HTTPSResponse: Sendable {
    public let head: ResponseHead
    public let body: [UInt8]

    public var status: Int { head.status }
}
