import CZlib
import Glibc

/// gzip for the messages of one event loop. The zlib states are made at first use and then used again.
final class Compression {
    enum Inflated {
        case done
        case tooLarge
        case broken
    }

    private var inflater = z_stream()
    private var inflaterReady = false
    private var deflater = z_stream()
    private var deflaterReady = false

    deinit {
        if inflaterReady { inflateEnd(&inflater) }
        if deflaterReady { deflateEnd(&deflater) }
    }

    /// Decompresses one message. Stops as soon as the output passes the limit, whatever the input still holds.
    func inflate(_ input: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int) -> Inflated {
        output.removeAll(keepingCapacity: true)
        if !inflaterReady {
            guard engine_gzip_inflate_init(&inflater) == Z_OK else { return .broken }
            inflaterReady = true
        } else if inflateReset(&inflater) != Z_OK {
            return .broken
        }
        guard let source = input.baseAddress else { return .broken }
        // zlib reads avail_in bytes from here and writes none; the caller's buffer outlives this call.
        inflater.next_in = UnsafeMutablePointer(mutating: source.assumingMemoryBound(to: UInt8.self))
        inflater.avail_in = UInt32(truncatingIfNeeded: input.count)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16_384) { block in
            while true {
                // At most the block's size is written before it is copied out.
                inflater.next_out = block.baseAddress
                inflater.avail_out = UInt32(block.count)
                let result = CZlib.inflate(&inflater, Z_NO_FLUSH)
                let made = block.count - Int(inflater.avail_out)
                if output.count + made > limit { return .tooLarge }
                output.append(contentsOf: block[..<made])
                switch result {
                case Z_STREAM_END: return inflater.avail_in == 0 ? .done : .broken
                case Z_OK: if made == 0, inflater.avail_in == 0 { return .broken }
                default: return .broken
                }
            }
        }
    }

    /// Compresses a message in place; false leaves it as it was.
    func deflate(_ message: inout [UInt8]) -> Bool {
        if !deflaterReady {
            guard engine_gzip_deflate_init(&deflater, 6) == Z_OK else { return false }
            deflaterReady = true
        } else if deflateReset(&deflater) != Z_OK {
            return false
        }
        guard let count = UInt32(exactly: message.count) else { return false }
        let bound = Int(deflateBound(&deflater, UInt(count)))
        var finished = false
        let packed = [UInt8](unsafeUninitializedCapacity: bound) { buffer, used in
            message.withUnsafeBufferPointer { input in
                // Both buffers stay put during the one call; deflateBound makes sure that it is enough.
                deflater.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                deflater.avail_in = count
                deflater.next_out = buffer.baseAddress
                deflater.avail_out = UInt32(truncatingIfNeeded: bound)
                finished = CZlib.deflate(&deflater, Z_FINISH) == Z_STREAM_END
                used = finished ? bound - Int(deflater.avail_out) : 0
            }
        }
        if finished { message = packed }
        return finished
    }
}
