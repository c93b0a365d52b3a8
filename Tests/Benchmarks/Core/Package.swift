// swift-tools-version: 6.2
// The core alone, without server and store: the targets are links to the product's own folders.
import PackageDescription

let package = Package(
    name: "core-bench",
    platforms: [.macOS(.v15)],
    dependencies: [.package(url: "https://github.com/apple/swift-collections", from: "1.6.0")],
    targets: [
        .target(name: "Tenancy"),
        .target(name: "LicenseModel", dependencies: ["Tenancy"]),
        .target(
            name: "InsightsCore",
            dependencies: [
                "Tenancy", "LicenseModel", .product(name: "HashTreeCollections", package: "swift-collections"),
            ]),
        .executableTarget(name: "core-bench", dependencies: ["Tenancy", "LicenseModel", "InsightsCore"]),
    ],
    swiftLanguageModes: [.v6]
)
