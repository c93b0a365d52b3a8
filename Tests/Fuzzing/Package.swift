// swift-tools-version: 6.2
// The product's own folders (links) and the fuzz targets, with the instruments of libFuzzer and AddressSanitizer in all
// of them; dependencies are built as they are. `run.sh` builds and runs.
import PackageDescription

let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

/// Coverage and checks of memory; the targets look inside the modules.
let watched: [SwiftSetting] = [.unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"])]

let package = Package(
    name: "fuzzing",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: [
        .target(name: "Tenancy", swiftSettings: watched),
        .target(name: "LicenseModel", dependencies: ["Tenancy"], swiftSettings: watched),
        .target(
            name: "InsightsCore",
            dependencies: [
                "Tenancy", "LicenseModel", .product(name: "HashTreeCollections", package: "swift-collections"),
            ], swiftSettings: watched),
        .target(name: "Datastore", dependencies: ["Tenancy", "LicenseModel"], swiftSettings: watched),
        .target(name: "Cryptography", dependencies: ["COpenSSL"], swiftSettings: watched),
        .target(
            name: "Authentication",
            dependencies: [
                "Tenancy", "Cryptography",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: watched),
        .target(name: "InsightsAPI", dependencies: ["Tenancy", protobuf], swiftSettings: watched),
        .target(
            name: "FactReading", dependencies: ["InsightsAPI", "LicenseModel", "Tenancy"], swiftSettings: watched),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CLinux"),
        .target(
            name: "RPCEngine", dependencies: ["COpenSSL", "CNghttp2", "CZlib", "CLinux"], swiftSettings: watched),
        .target(
            name: "InsightsServer",
            dependencies: [
                "Tenancy", "LicenseModel", "FactReading", "InsightsCore", "Datastore", "Authentication", "InsightsAPI",
                "RPCEngine",
                protobuf, "Cryptography", logging, .product(name: "DequeModule", package: "swift-collections"),
            ],
            resources: [.embedInCode("Reflection/descriptors.binpb")], swiftSettings: watched),
        .target(
            name: "ImportFormats",
            dependencies: ["FactReading", "InsightsAPI", "LicenseModel", "Tenancy", "Cryptography", protobuf],
            swiftSettings: watched),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Authentication", "COpenSSL", "Cryptography", "ImportFormats", "InsightsAPI", "InsightsCore",
                "InsightsServer", "LicenseModel", "RPCEngine", "Tenancy", protobuf,
            ], swiftSettings: watched),
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzTargets"], swiftSettings: watched,
            linkerSettings: [.unsafeFlags(["-sanitize=address"])]),
    ],
    swiftLanguageModes: [.v6]
)
