import Foundation
import SwiftProtobuf

/// Enums are of 32 bits on the wire; those that were read from JSON may have any number. Such a message must not be
/// written: the library makes room for 32 bits and puts more there.
struct EnumRange: Visitor {
    /// Throws for a message with a number that no enum can have, however deep.
    static func check(_ message: some Message) throws(JSONDecodingError) {
        do {
            var visitor = EnumRange()
            try message.traverse(visitor: &visitor)
        } catch {
            throw .numberRange
        }
    }

    mutating func visitSingularEnumField<E: Enum>(value: E, fieldNumber: Int) throws {
        guard Int32(exactly: value.rawValue) != nil else { throw JSONDecodingError.numberRange }
    }

    mutating func visitSingularMessageField<M: Message>(value: M, fieldNumber: Int) throws {
        try value.traverse(visitor: &self)
    }

    mutating func visitMapField<Key, Value: MapValueType>(
        fieldType: _ProtobufMap<Key, Value>.Type, value: _ProtobufMap<Key, Value>.BaseType, fieldNumber: Int
    ) throws {}

    mutating func visitMapField<Key, Value>(
        fieldType: _ProtobufEnumMap<Key, Value>.Type, value: _ProtobufEnumMap<Key, Value>.BaseType, fieldNumber: Int
    ) throws where Value.RawValue == Int {
        for one in value.values { try visitSingularEnumField(value: one, fieldNumber: fieldNumber) }
    }

    mutating func visitMapField<Key, Value>(
        fieldType: _ProtobufMessageMap<Key, Value>.Type, value: _ProtobufMessageMap<Key, Value>.BaseType,
        fieldNumber: Int
    ) throws {
        for one in value.values { try one.traverse(visitor: &self) }
    }

    // What else there is has no such numbers.
    mutating func visitUnknown(bytes: Data) throws {}
    mutating func visitSingularDoubleField(value: Double, fieldNumber: Int) throws {}
    mutating func visitSingularInt64Field(value: Int64, fieldNumber: Int) throws {}
    mutating func visitSingularUInt64Field(value: UInt64, fieldNumber: Int) throws {}
    mutating func visitSingularBoolField(value: Bool, fieldNumber: Int) throws {}
    mutating func visitSingularStringField(value: String, fieldNumber: Int) throws {}
    mutating func visitSingularBytesField(value: Data, fieldNumber: Int) throws {}
}
