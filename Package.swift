// swift-tools-version: 6.2
import PackageDescription

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "partner-insights",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "insightsd", targets: ["insightsd"]),
        .executable(name: "insights", targets: ["insights"]),
        .library(name: "InsightsClient", targets: ["InsightsClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        // 3.x has a published double free on malformed RSA keys.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
    ],
    targets: [
        // The model and the core: no clock, no I/O.
        .target(name: "Tenancy"),
        .target(name: "LicenseModel", dependencies: ["Tenancy"]),
        .target(
            name: "InsightsCore",
            dependencies: [
                "Tenancy", "LicenseModel",
                .product(name: "HashTreeCollections", package: "swift-collections"),
            ]),

        // Files and lines of a server.
        .target(name: "DurableFiles"),
        .target(name: "LogLines", dependencies: ["LicenseModel", logging]),
        .target(
            name: "AuditTrail", dependencies: ["Datastore", "Tenancy", "DurableFiles", "Cryptography", "LogLines"]),

        // Stores.
        .target(name: "Datastore", dependencies: ["Tenancy", "LicenseModel"]),
        .target(
            name: "DatastoreSQLite",
            dependencies: [
                "Datastore", "DurableFiles", "LicenseModel", "Tenancy", .product(name: "GRDB", package: "GRDB.swift"),
            ]),

        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(name: "DatastorePostgres", dependencies: ["CLibPQ", "Datastore", "LicenseModel", "Tenancy"]),

        // Digests, codes and signatures, by OpenSSL.
        .target(name: "Cryptography", dependencies: ["COpenSSL"]),

        // Threads of our own, and how others speak to them.
        .systemLibrary(name: "CLinux"),
        .target(name: "Threads", dependencies: ["CLinux"]),

        // HTTPS to others: one place, one set of limits.
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(name: "Outgoing", dependencies: ["CCurl", "Threads"]),

        // Who is calling.
        .target(name: "Authentication", dependencies: ["Cryptography", "Outgoing", "Tenancy"]),

        // The wire.
        .target(name: "InsightsAPI", dependencies: ["Tenancy", protobuf]),
        .target(name: "FactReading", dependencies: ["InsightsAPI", "LicenseModel", "Tenancy"]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "RPCEngine", dependencies: ["COpenSSL", "CNghttp2", "CZlib", "CLinux", "Threads"]),

        // The server and its executable.
        .target(
            name: "InsightsServer",
            dependencies: [
                "Tenancy", "LicenseModel", "FactReading", "InsightsCore", "AuditTrail", "Datastore", "DurableFiles",
                "LogLines",
                "Authentication", "InsightsAPI", "InsightsWeb", "RPCEngine", "Threads", protobuf, "Cryptography",
                logging,
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            resources: [.embedInCode("Reflection/descriptors.binpb")]),
        .target(
            name: "InsightsWeb",
            dependencies: ["Authentication", "InsightsAPI", "LicenseModel", "RPCEngine", "Tenancy", protobuf],
            resources: [
                .embedInCode("Assets/app.css"), .embedInCode("Assets/app.js"), .embedInCode("Assets/icon.svg"),
                .embedInCode("OpenAPI/openapi.json"),
            ]),
        .executableTarget(
            name: "insightsd",
            dependencies: [
                "InsightsServer", "InsightsCore", "InsightsWeb", "AuditTrail", "Datastore", "DatastorePostgres",
                "DatastoreSQLite", "DurableFiles", "Authentication", "LogLines", "RPCEngine", "CLinux", logging,
                arguments,
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),

        // The client and its executable.
        .target(
            name: "RPCTransport",
            dependencies: [
                "CLinux", "CNghttp2", "COpenSSL", "Threads", .product(name: "GRPCCore", package: "grpc-swift-2"),
            ]),
        .target(
            name: "InsightsClient",
            dependencies: [
                "InsightsAPI", "RPCTransport",
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
            ]),
        .target(
            name: "ImportFormats",
            dependencies: ["FactReading", "InsightsAPI", "LicenseModel", "Tenancy", "Cryptography", protobuf]),
        .target(
            name: "GraphSync",
            dependencies: [
                "Cryptography", "DurableFiles", "ImportFormats", "InsightsAPI", "LicenseModel", "Outgoing", "Tenancy",
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        .executableTarget(
            name: "insights",
            dependencies: [
                "GraphSync", "ImportFormats", "InsightsAPI", "InsightsClient", "LicenseModel", "Tenancy", arguments,
                protobuf,
            ]),

        // Tests, and what only they need.
        .target(
            name: "DatastoreConformance", dependencies: ["Datastore", "LicenseModel", "Tenancy"],
            path: "Tests/DatastoreConformance"),
        .executableTarget(
            name: "StoreCrashWriter", dependencies: ["Datastore", "DatastoreConformance", "DatastoreSQLite"],
            path: "Tests/StoreCrashWriter"),
        .executableTarget(name: "InteropServer", dependencies: ["RPCEngine"], path: "Tests/InteropServer"),
        .target(
            name: "CProtobufC", path: "Tests/CProtobufC", exclude: ["generate.sh"],
            linkerSettings: [.linkedLibrary("protobuf-c")]),
        .testTarget(name: "LicenseModelTests", dependencies: ["LicenseModel", "Tenancy", "DatastoreConformance"]),
        .testTarget(
            name: "InsightsCoreTests", dependencies: ["CLinux", "InsightsCore", "LicenseModel", "Tenancy"]),
        .testTarget(
            name: "DatastoreSQLiteTests",
            dependencies: [
                "DatastoreSQLite", "DatastoreConformance", "StoreCrashWriter",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "DatastorePostgresTests",
            dependencies: [
                "CLibPQ", "Datastore", "DatastoreConformance", "DatastorePostgres", "LicenseModel", "Tenancy",
            ]),
        .testTarget(name: "DurableFilesTests", dependencies: ["DurableFiles"]),
        .target(name: "OpenSSLTool", path: "Tests/OpenSSLTool"),
        // swift-crypto and jwt-kit are in the tests alone, as other opinions.
        .testTarget(
            name: "CryptographyTests", dependencies: ["Cryptography", "COpenSSL", "OpenSSLTool", crypto, cryptoExtras],
            resources: [.copy("Vectors")]),
        .testTarget(
            name: "AuthenticationTests",
            dependencies: [
                "Authentication", "Outgoing", "Tenancy", "HTTPSTestServer", crypto, cryptoExtras,
                .product(name: "JWTKit", package: "jwt-kit"),
            ]),
        .target(name: "HTTPSTestServer", path: "Tests/HTTPSTestServer", resources: [.copy("server.py")]),
        .testTarget(name: "OutgoingTests", dependencies: ["Outgoing", "Threads", "HTTPSTestServer"]),
        .testTarget(
            name: "GraphSyncTests",
            dependencies: [
                "Cryptography", "DatastoreConformance", "GraphSync", "HTTPSTestServer", "ImportFormats", "InsightsAPI",
                "LicenseModel", "OpenSSLTool", "Outgoing",
            ]),
        .testTarget(
            name: "FactReadingTests",
            dependencies: [
                "FactReading", "ImportFormats", "InsightsAPI", "InsightsServer", "LicenseModel", "Tenancy", protobuf,
            ]),
        .testTarget(
            name: "RPCEngineTests", dependencies: ["RPCEngine", "InteropServer"], resources: [.copy("Scripts")]),
        .testTarget(name: "InsightsAPITests", dependencies: ["InsightsAPI", "Tenancy", protobuf]),
        .testTarget(
            name: "InsightsServerTests",
            dependencies: [
                "InsightsServer", "AuditTrail", "Authentication", "Cryptography", "Datastore", "DatastoreSQLite",
                "DatastoreConformance", "DurableFiles", "FactReading", "LogLines",
                "InsightsAPI", "InsightsCore", "LicenseModel", "RPCEngine", "Tenancy", "CProtobufC", "OpenSSLTool",
                protobuf, logging,
            ]),
        .testTarget(
            name: "InsightsWebTests", dependencies: ["InsightsAPI", "InsightsWeb", "RPCEngine", "Tenancy", protobuf],
            exclude: ["Golden"]),
        .testTarget(
            name: "ImportFormatsTests", dependencies: ["ImportFormats", "InsightsAPI", "LicenseModel", protobuf],
            resources: [.copy("Fixtures")]),
        .testTarget(
            name: "InsightsClientTests",
            dependencies: [
                "InsightsAPI", "InsightsClient", "LicenseModel", "RPCEngine", "RPCTransport", "insights", arguments,
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
            ], exclude: ["Golden", "Peers"]),
        // Shared with the package in Tests/Fuzzing, which runs them under libFuzzer.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "AuditTrail", "Authentication", "CNghttp2", "COpenSSL", "Cryptography", "GraphSync", "ImportFormats",
                "InsightsAPI", "InsightsCore", "InsightsServer", "InsightsWeb", "LicenseModel", "LogLines", "Outgoing",
                "RPCEngine", "Tenancy", protobuf,
            ], path: "Tests/Fuzzing/Sources/FuzzTargets"),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], path: "Tests/Fuzzing/Sources/FuzzTests"),
        .testTarget(name: "TidyTests"),
    ],
    swiftLanguageModes: [.v6]
)
