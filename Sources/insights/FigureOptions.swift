import ArgumentParser
import InsightsAPI

/// Whose licenses count.
enum ScopeArgument: String, ExpressibleByArgument, CaseIterable {
    case own, all

    var scope: PBLicenseScope { self == .own ? .own : .allPartners }
}

enum ProductArgument: String, ExpressibleByArgument, CaseIterable {
    case office365 = "office-365"
    case dynamics365 = "dynamics-365"

    init?(argument: String) {
        switch argument.lowercased().filter({ $0 != "-" && $0 != "_" && $0 != " " }) {
        case "office365", "office", "o365", "productoffice365": self = .office365
        case "dynamics365", "dynamics", "crm", "d365", "productdynamics365": self = .dynamics365
        default: return nil
        }
    }

    var product: PBProduct { self == .office365 ? .office365 : .dynamics365 }
}

/// The day, the sellers and the products of a figure.
struct FigureOptions: ParsableArguments {
    @Option(help: .dayOfFigures) var asOf: String = ""
    @Option(
        help: ArgumentHelp(
            "Whose licenses count: your partner's own sales or those of all sellers.",
            discussion: "Default: all; tables of a customer and of the portfolio show both side by side."))
    var scope: ScopeArgument?
    @Option(help: "Only this product; may be repeated.")
    var product: [ProductArgument] = []

    var products: [PBProduct] { product.map(\.product) }
    var requestScope: PBLicenseScope { scope?.scope ?? .unspecified }
}
