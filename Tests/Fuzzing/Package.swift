// swift-tools-version: 6.2
// The product's own folders (links) and the fuzz targets, with the instruments of libFuzzer and AddressSanitizer in all
// of them; dependencies are built as they are. `run.sh` builds and runs.
import PackageDescription

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
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
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
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
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl"),
        .target(name: "Outgoing", dependencies: ["CCurl", "CLinux"], swiftSettings: watched),
        .target(
            name: "Authentication", dependencies: ["Tenancy", "Outgoing", crypto, cryptoExtras],
            swiftSettings: watched),
        .target(name: "InsightsAPI", dependencies: ["Tenancy", protobuf], swiftSettings: watched),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CLinux"),
        .target(
            name: "RPCEngine", dependencies: ["COpenSSL", "CNghttp2", "CZlib", "CLinux"], swiftSettings: watched),
        .target(
            name: "InsightsServer",
            dependencies: [
                "Tenancy", "LicenseModel", "InsightsCore", "Datastore", "Authentication", "InsightsAPI", "RPCEngine",
                protobuf, crypto, logging, .product(name: "DequeModule", package: "swift-collections"),
            ],
            resources: [.embedInCode("Reflection/descriptors.binpb")], swiftSettings: watched),
        .target(name: "ImportFormats", dependencies: ["InsightsAPI", crypto, protobuf], swiftSettings: watched),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Authentication", "COpenSSL", "ImportFormats", "InsightsAPI", "InsightsCore", "InsightsServer",
                "LicenseModel", "Outgoing", "RPCEngine", "Tenancy", crypto, protobuf,
            ], swiftSettings: watched),
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzTargets"], swiftSettings: watched,
            linkerSettings: [.unsafeFlags(["-sanitize=address"])]),
    ],
    swiftLanguageModes: [.v6]
)
