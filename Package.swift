// swift-tools-version: 6.2
import PackageDescription

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "partner-insights",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "insightsd", targets: ["insightsd"]),
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
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
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

        // Stores.
        .target(name: "Datastore", dependencies: ["Tenancy", "LicenseModel"]),
        .target(
            name: "DatastoreSQLite", dependencies: ["Datastore", .product(name: "GRDB", package: "GRDB.swift")]),

        // Who is calling.
        .target(
            name: "Authentication",
            dependencies: [
                "Tenancy", crypto, .product(name: "CryptoExtras", package: "swift-crypto"),
            ]),

        // The wire.
        .target(name: "InsightsAPI", dependencies: ["Tenancy", protobuf]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLinux"),
        .target(name: "RPCEngine", dependencies: ["COpenSSL", "CNghttp2", "CZlib", "CLinux"]),

        // The server and its executable.
        .target(
            name: "InsightsServer",
            dependencies: [
                "Tenancy", "LicenseModel", "InsightsCore", "Datastore", "Authentication", "InsightsAPI", "RPCEngine",
                protobuf, crypto, logging,
            ],
            resources: [.embedInCode("Reflection/descriptors.binpb")]),
        .executableTarget(
            name: "insightsd",
            dependencies: [
                "InsightsServer", "DatastoreSQLite", "Authentication", "RPCEngine", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
            ]),

        // The client and its executable.
        .target(
            name: "InsightsClient",
            dependencies: [
                "InsightsAPI",
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
            ]),
        .target(name: "ImportFormats", dependencies: ["InsightsAPI"]),
    ],
    swiftLanguageModes: [.v6]
)
