/// A key that an object has twice: most readers of JSON take one of the two and say nothing.
public struct RepeatedKey: Sendable, Equatable {
    /// Where it is, such as `partners.contoso` or `customers[1].name`.
    public let path: String
    /// Of the second one, from 1.
    public let line: Int

    /// Nesting to which keys are looked at.
    private static let maximumDepth = 32

    /// The first one of a document; nil for none, and for what is no JSON, which its own reader complains about.
    ///
    /// - Parameter ignoringCaseIn: the path of an object whose keys are the same when only their case differs.
    public static func first(in bytes: [UInt8], ignoringCaseIn folded: String) -> RepeatedKey? {
        var walk = Walk(reader: JSONReader(bytes: bytes, maximumDepth: maximumDepth), folded: folded)
        do {
            try walk.value("", depth: 1)
            return nil
        } catch let found as Found {
            return found.key
        } catch {
            return nil
        }
    }

    private struct Found: Error {
        let key: RepeatedKey
    }

    private struct Walk {
        var reader: JSONReader
        let folded: String

        mutating func value(_ path: String, depth: Int) throws {
            switch try reader.peek() {
            // The reader names what is deeper.
            case UInt8(ascii: "{") where depth <= maximumDepth: try object(path, depth)
            case UInt8(ascii: "[") where depth <= maximumDepth: try array(path, depth)
            default: _ = try reader.value(depth: depth)
            }
        }

        private mutating func object(_ path: String, _ depth: Int) throws {
            try reader.take(UInt8(ascii: "{"))
            var known: Set<String> = []
            if try reader.takeIfNext(UInt8(ascii: "}")) { return }
            repeat {
                let key = try reader.key()
                let place = path.isEmpty ? key.name : "\(path).\(key.name)"
                guard known.insert(path == folded ? key.name.lowercased() : key.name).inserted else {
                    throw Found(key: RepeatedKey(path: place, line: reader.position(of: key.offset).line))
                }
                try value(place, depth: depth + 1)
            } while try reader.takeIfNext(UInt8(ascii: ","))
            try reader.take(UInt8(ascii: "}"))
        }

        private mutating func array(_ path: String, _ depth: Int) throws {
            try reader.take(UInt8(ascii: "["))
            if try reader.takeIfNext(UInt8(ascii: "]")) { return }
            var index = 0
            repeat {
                try value("\(path)[\(index)]", depth: depth + 1)
                index += 1
            } while try reader.takeIfNext(UInt8(ascii: ","))
            try reader.take(UInt8(ascii: "]"))
        }
    }
}
