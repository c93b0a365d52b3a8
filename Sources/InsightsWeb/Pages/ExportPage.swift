import InsightsAPI
import LicenseModel
import RPCEngine
import Tenancy

/// `/export`: a form whose answer is a file.
struct ExportPage: Page {
    static let pattern = "/export"
    static let permission = Permission.exportInsights
    static let section = Section.export

    let asOf: String

    init(_ load: PageLoad) throws(RPCStatus) {
        asOf = try load.lastDay()
    }

    func title(_ words: any Words) -> String { words.export }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        view.heading(&html, words.export, lead: words.exportLead)
        view.card(&html, "", "narrow") { html in
            html.put(.form, .class("stacked"), .action(Link("v1", "export.csv")), .with("method", "get")) { html in
                view.dayInput(&html, "start_date", words.from, value: asOf)
                view.dayInput(&html, "end_date", words.through, value: asOf)
                view.select(
                    &html, "products", words.productLabel,
                    [
                        ("", words.allProducts), ("PRODUCT_OFFICE_365", "Office 365"),
                        ("PRODUCT_DYNAMICS_365", "Dynamics 365"),
                    ])
                view.select(
                    &html, "language_code", words.formOfNumbers,
                    [("en", words.formEnglish), ("nl", words.formDutch)], chosen: view.language.rawValue)
                html.put(.label, .class("check")) { html in
                    html.put(.input, .type("checkbox"), .name("byte_order_mark"), .value("true"), .flag("checked"))
                    html.write(words.byteOrderMark)
                }
                view.submit(&html, words.downloadCSV)
            }
            view.note(&html, words.exportNote)
        }
    }
}
