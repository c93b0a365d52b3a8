import Foundation
import OpenSSLTool
import Testing

@testable import GraphSync

/// Files with secrets that a configuration names.
struct SyncCredentialTests {
    private typealias Example = ExampleConfiguration

    @Test func aSecretOrACertificateWithItsKey() throws {
        func complaint(_ secret: String?, _ certificate: String?, _ key: String?) throws -> String {
            var example = try Example()
            example.set("application.client_secret_file", secret)
            example.set("application.certificate", certificate)
            example.set("application.key", key)
            return try example.complaint()
        }
        let both = "application has both client_secret_file and a certificate: one of them is enough"
        #expect(try complaint(nil, nil, nil) == "application needs client_secret_file, or certificate and key")
        #expect(try complaint(nil, "c", nil) == "application.certificate and application.key belong together")
        #expect(try complaint(nil, nil, "k") == "application.certificate and application.key belong together")
        #expect(try complaint("secret", "c", "k") == both)
        #expect(try complaint("secret", "c", nil) == both)
        #expect(try complaint("secret", nil, "k") == both)
    }

    @Test(arguments: [
        (0o600, true), (0o400, true), (0o700, true), (0o644, false), (0o640, false), (0o604, false), (0o620, false),
        (0o602, false), (0o610, false), (0o601, false),
    ])
    func onlyTheOwnerMayReadSecrets(_ mode: Int, _ isTaken: Bool) throws {
        var example = try Example()
        let octal = "0" + String(mode, radix: 8)
        func expected(_ key: String, _ name: String) -> String {
            let path = example.folder.file(name)
            return isTaken
                ? "taken" : "application.\(key): others may use “\(path)” (mode \(octal)); its mode should be 0600"
        }
        try example.folder.write(Example.secret.utf8, to: "secret", mode: mode)
        #expect(try example.complaint() == expected("client_secret_file", "secret"))

        let key = try OpenSSLCommand.rsaKey()
        // A certificate is no secret.
        try example.folder.write(try OpenSSLCommand.certificate(of: key), to: "certificate.pem", mode: 0o644)
        try example.folder.write(key, to: "key.pem", mode: mode)
        example.set("application.client_secret_file", nil)
        example.set("application.certificate", "certificate.pem")
        example.set("application.key", "key.pem")
        #expect(try example.complaint() == expected("key", "key.pem"))
    }

    @Test func pathsAreRelativeToTheConfiguration() throws {
        var example = try Example()
        let other = try TemporaryFolder()
        try other.write("of the other".utf8.filter { $0 != 0x20 }, to: "secret")
        try other.write("x".utf8, to: "ca.pem", mode: 0o644)
        try FileManager.default.createDirectory(
            atPath: example.folder.file("sub"), withIntermediateDirectories: false)
        try example.folder.write("of-the-sub".utf8, to: "sub/secret")
        for (path, expected) in [
            ("secret", Example.secret), ("sub/secret", "of-the-sub"), ("./sub/../sub/secret", "of-the-sub"),
            (other.file("secret"), "oftheother"),
        ] {
            example.set("application.client_secret_file", path)
            guard case .secret(expected) = try example.load().credential else {
                Issue.record("another secret for \(path)")
                continue
            }
        }
        example.set("state", "of-sync")
        #expect(try example.load().stateFolder == example.folder.file("of-sync"))
        example.set("state", other.file("state"))
        #expect(try example.load().stateFolder == other.file("state"))
        example.set("endpoints.ca", other.file("ca.pem"))
        #expect(try example.load().authoritiesFile == other.file("ca.pem"))
        example.set("endpoints.ca", "ca.pem")
        #expect(
            try example.complaint()
                == "endpoints.ca: the file “\(example.folder.file("ca.pem"))” cannot be read")
    }

    @Test(.timeLimit(.minutes(1))) func whatIsNoSecret() throws {
        let example = try Example()
        let path = example.folder.file("secret")
        for text in ["", "\n", "two\nlines", "a secret", "tab\tin it", "bell\u{7}", "del\u{7F}", "zero\0"] {
            try example.folder.write(text.utf8, to: "secret")
            #expect(
                try example.complaint() == "application.client_secret_file does not hold a secret of one line",
                "\(text.debugDescription)")
        }
        try example.folder.write(" \r\n\(Example.secret)\r\n\n".utf8, to: "secret")
        guard case .secret(Example.secret) = try example.load().credential else {
            Issue.record("blanks belong to it")
            return
        }
        try example.folder.write([UInt8](repeating: UInt8(ascii: "x"), count: (256 << 10) + 1), to: "secret")
        #expect(
            try example.complaint()
                == "application.client_secret_file: “\(path)” is larger than 262144 bytes")
        try FileManager.default.removeItem(atPath: path)
        #expect(try example.complaint() == "application.client_secret_file: the file “\(path)” cannot be read")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(try example.complaint() == "application.client_secret_file: “\(path)” is no file")
        // Nobody ever writes into this pipe.
        try FileManager.default.removeItem(atPath: path)
        try #require(mkfifo(path, 0o600) == 0)
        #expect(try example.complaint() == "application.client_secret_file: “\(path)” is no file")
    }
}
