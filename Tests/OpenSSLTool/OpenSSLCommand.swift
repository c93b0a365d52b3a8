import Foundation

/// Keys and certificates by the command line of OpenSSL, as another opinion than the library's.
public enum OpenSSLCommand {
    public struct Failed: Error {
        public let arguments: [String]
    }

    /// In PEM, PKCS#8.
    public static func rsaKey(bits: Int = 2_048, primes: Int = 2) throws -> [UInt8] {
        try run([
            "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)", "-pkeyopt",
            "rsa_keygen_primes:\(primes)",
        ])
    }

    /// In PEM, signed by its own key.
    public static func certificate(of key: [UInt8]) throws -> [UInt8] {
        try run(["req", "-x509", "-new", "-key", "/dev/stdin", "-subj", "/CN=sync", "-days", "2"], input: key)
    }

    public static func pem(_ der: [UInt8], _ label: String = "RSA PRIVATE KEY") -> [UInt8] {
        let text = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return Array("-----BEGIN \(label)-----\n\(text)\n-----END \(label)-----\n".utf8)
    }

    /// Standard output of a command that succeeds.
    public static func run(_ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = FileHandle.nullDevice
        try process.run()
        // A key fits in a pipe.
        try stdin.fileHandleForWriting.write(contentsOf: Data(input))
        try stdin.fileHandleForWriting.close()
        let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed(arguments: arguments) }
        return Array(output)
    }
}
