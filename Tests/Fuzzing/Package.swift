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
        .target(name: "DurableFiles", swiftSettings: watched),
        .target(name: "LogLines", dependencies: ["LicenseModel", logging], swiftSettings: watched),
        .target(
            name: "AuditTrail", dependencies: ["Tenancy", "DurableFiles", "Cryptography", "LogLines"],
            swiftSettings: watched),
        .target(name: "Datastore", dependencies: ["Tenancy", "LicenseModel"], swiftSettings: watched),
        .target(name: "Cryptography", dependencies: ["COpenSSL"], swiftSettings: watched),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl"),
        .target(name: "Threads", dependencies: ["CLinux"], swiftSettings: watched),
        .target(name: "Outgoing", dependencies: ["CCurl", "Threads"], swiftSettings: watched),
        .target(
            name: "Authentication", dependencies: ["Cryptography", "Outgoing", "Tenancy"],
            swiftSettings: watched),
        .target(name: "InsightsAPI", dependencies: ["Tenancy", protobuf], swiftSettings: watched),
        .target(
            name: "FactReading", dependencies: ["InsightsAPI", "LicenseModel", "Tenancy"], swiftSettings: watched),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CLinux"),
        .target(
            name: "RPCEngine", dependencies: ["COpenSSL", "CNghttp2", "CZlib", "CLinux", "Threads"],
            swiftSettings: watched),
        .target(
            name: "InsightsServer",
            dependencies: [
                "Tenancy", "LicenseModel", "FactReading", "InsightsCore", "AuditTrail", "Datastore", "DurableFiles",
                "LogLines", "Authentication", "InsightsAPI", "InsightsWeb", "RPCEngine",
                protobuf, "Cryptography", logging, .product(name: "DequeModule", package: "swift-collections"),
            ],
            resources: [.embedInCode("Reflection/descriptors.binpb")], swiftSettings: watched),
        .target(
            name: "InsightsWeb",
            dependencies: ["Authentication", "InsightsAPI", "LicenseModel", "RPCEngine", "Tenancy", protobuf],
            resources: [
                .embedInCode("Assets/app.css"), .embedInCode("Assets/app.js"), .embedInCode("Assets/icon.svg"),
                .embedInCode("OpenAPI/openapi.json"),
            ], swiftSettings: watched),
        .target(
            name: "ImportFormats",
            dependencies: ["FactReading", "InsightsAPI", "LicenseModel", "Tenancy", "Cryptography", protobuf],
            swiftSettings: watched),
        .target(
            name: "GraphSync",
            dependencies: [
                "Cryptography", "DurableFiles", "ImportFormats", "InsightsAPI", "LicenseModel", "Outgoing", "Tenancy",
                .product(name: "HeapModule", package: "swift-collections"),
            ], swiftSettings: watched),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "AuditTrail", "Authentication", "CNghttp2", "COpenSSL", "Cryptography", "GraphSync", "ImportFormats",
                "InsightsAPI", "InsightsCore", "InsightsServer", "InsightsWeb", "LicenseModel", "LogLines", "Outgoing",
                "RPCEngine", "Tenancy", protobuf,
            ], swiftSettings: watched),
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzTargets"], swiftSettings: watched,
            linkerSettings: [.unsafeFlags(["-sanitize=address"])]),
    ],
    swiftLanguageModes: [.v6]
)
