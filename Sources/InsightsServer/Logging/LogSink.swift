import Glibc

/// Where log lines go. Called from any thread with one whole line, its newline included.
public protocol LogSink: Sendable {
    func write(line: [UInt8])
}

/// Writes every line with one `write(2)`, so that lines of several threads do not mix; a pipe keeps lines of up to
/// 4 KiB whole, a file all of them.
public struct DescriptorSink: LogSink {
    private let descriptor: Int32

    public init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    public static let standardError = DescriptorSink(descriptor: STDERR_FILENO)

    public func write(line: [UInt8]) {
        var rest = line
        while !rest.isEmpty {
            let written = Glibc.write(descriptor, rest, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                // Nobody is left to tell: a log that cannot be written must not stop the server.
                return
            }
            if written == rest.count { return }
            rest.removeFirst(written)
        }
    }
}
