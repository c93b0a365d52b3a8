import Foundation
import InsightsAPI
import LicenseModel
import Outgoing

@testable import GraphSync
@testable import ImportFormats

extension FuzzTarget {
    /// What the vendor's APIs say beside the lists that are imported: tokens, errors, pauses, links, settings, the
    /// heads of lists and reports; and the relationships that follow from what our server says. The first byte chooses.
    static let answers = FuzzTarget(
        "answers", trials: 4_000, maximumLength: 4_096,
        dictionary: [
            "{\"access_token\":\"", "\"expires_in\":", "3599", "1e300", "-9223372036854775808", "\"error\":",
            "\"error_codes\":[", "\"error_description\":\"AADSTS", "\"code\":\"", "{\"value\":[", "]}",
            "\"@odata.nextLink\":\"https://", "/v1.0/users?$skiptoken=", "https://graph.example", "%2F", "\\u00e9",
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
            "\"displayConcealedNames\":true", "\"customerId\":\"", "\"tenantId\":\"", "\"displayName\":\"",
            "7d1a0b54-1f6e-4d0a-9a53-3a1b7f1c0001", "\"skuId\":", "\"consumedUnits\":", "\"appliesTo\":\"User\"",
            "Report Refresh Date,User Principal Name,Teams Last Activity Date\n", "2026-03-02,", "partner_tenants",
            "null", "\u{FEFF}",
        ],
        seeds: {
            let texts: [(UInt8, String)] = [
                (0, #"{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0"}"#),
                (0, #"{"expires_in":"3599.5","access_token":"eyJ0"}"#),
                (1, "\u{04}word" + #"{"error":{"code":"Authorization_RequestDenied","message":"no"}}"#),
                (
                    1,
                    "\0" + #"{"error":"invalid_client","error_codes":[7000215],"error_description":"AADSTS7000215: x"}"#
                ),
                (2, "120"), (2, "Sun, 06 Nov 1994 08:50:07 GMT"), (2, "Sun Nov  6 08:50:07 1994"),
                (3, "https://graph.example/v1.0/users?$skiptoken=a%20b"), (3, "/v1.0/users?$skiptoken=é |"),
                (4, #"{"value":{"displayConcealedNames":true}}"#),
                (5, "\u{01}" + #"{"value":[{"id":"a"}],"@odata.nextLink":"https://graph.example/next"}"#),
                (6, #"{"value":[{"customerId":"7D1A0B54-1F6E-4D0A-9A53-3A1B7F1C0001","displayName":"Fabrikam"}]}"#),
                (7, #"{"value":[{"skuId":"6fd2c87f-b296-42f0-b197-1e91e994b900","consumedUnits":7}]}"#),
                (8, "Report Refresh Date,User Principal Name,Teams Last Activity Date\n2026-03-02,a@x,\n"),
                (9, "\u{10}\u{20}\u{01}\u{30}\u{40}\u{02}\u{11}\u{00}\u{03}"),
                (10, #"{"partner_tenants":{"A":"x","a":"y"}}"#),
            ]
            return texts.map { [$0.0] + Array($0.1.utf8) }
        },
        run: { bytes in
            var input = FuzzInput(bytes)
            switch input.byte() % 11 {
            case 0: AnswerProperties.token(input.takeRest())
            case 1: AnswerProperties.error(input.short(), input.takeRest())
            case 2: AnswerProperties.pause(input.takeRest())
            case 3: AnswerProperties.link(input.takeRest())
            case 4: _ = SettingsAnswer.concealsNames(in: Data(input.takeRest()))
            case 5: AnswerProperties.page(input.byte(), input.takeRest())
            case 6: AnswerProperties.customers(input.takeRest())
            case 7: AnswerProperties.skus(input.takeRest())
            case 8: _ = try? ReportDay.refreshDay(of: InputFile(name: "input", bytes: input.takeRest()))
            case 9: AnswerProperties.relationships(&input)
            default: AnswerProperties.repeatedKey(input.takeRest())
            }
        })
}

/// What holds of whatever an answer says.
private enum AnswerProperties {
    private static let clock = Date(timeIntervalSince1970: 784_111_777)

    static func token(_ bytes: [UInt8]) {
        guard let token = TokenAnswer(bytes)?.accessToken else { return }
        require(
            !token.value.isEmpty && token.value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a token fits in a header")
        require(token.end - .now <= .seconds(86_400), "a token is not kept for ever")
    }

    static func error(_ sent: [UInt8], _ bytes: [UInt8]) {
        let token = String(decoding: sent, as: UTF8.self)
        let error = GraphError(bytes, hiding: token)
        require(error.code.isEmpty || !token.contains(error.code), "nothing that was sent comes back")
        let failures = [400, 401, 403, 404].flatMap {
            [error.failure(.users, status: $0), error.tokenFailure(tenant: "t", status: $0)]
        }
        for failure in failures {
            require(failure.message.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "a message is one plain line")
            require(failure.message.utf8.count < 400, "a message is short")
        }
    }

    static func pause(_ bytes: [UInt8]) {
        guard let pause = RetryAfter.pause(String(decoding: bytes, as: UTF8.self), now: clock) else { return }
        require(pause > .zero, "a pause takes time")
        // What is made of it: no sum may trap.
        _ = (pause + .seconds(1_800) <= SyncLimits().longestWait, pause.components.seconds)
    }

    static func link(_ bytes: [UInt8]) {
        guard let base = HTTPSAddress("https://graph.example/v1.0/users?$top=999") else { broken("an address") }
        guard let address = Link.address(String(decoding: bytes, as: UTF8.self), from: base) else { return }
        let text = address.description
        require(text.hasPrefix("https://") && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a link is an address")
        require(!text.contains("\\") && !address.host.contains("@"), "everybody reads its host alike")
        require(text.utf8.count > HTTPSAddress.maximumLength || HTTPSAddress(text) == address, "and as it is written")
    }

    static func page(_ kind: UInt8, _ bytes: [UInt8]) {
        let kinds: [ImportKind] = [.graphSubscribedSkus, .graphSubscriptions, .graphUsers]
        let file = InputFile(name: "input", bytes: bytes)
        _ = try? AnswerPage(file, as: kinds[Int(kind) % kinds.count], limits: GraphLists.importLimits)
    }

    static func customers(_ bytes: [UInt8]) {
        let file = InputFile(name: "input", bytes: bytes)
        guard let page = try? ListedCustomer.page(of: file, limits: GraphLists.importLimits) else { return }
        require(page.leftOut.count <= 10, "few of those that are left out are named")
        for customer in page.customers {
            require(
                customer.tenantID.isGUID && customer.tenantID == customer.tenantID.lowercased(), "a tenant is a GUID")
            require((try? FieldRules.name(customer.name, "name")) != nil, "a name is one that facts may have")
        }
    }

    static func skus(_ bytes: [UInt8]) {
        let file = InputFile(name: "input", bytes: bytes)
        guard let skus = try? SideFiles.customerSkus(file, options: ImportOptions(today: Day(number: 20_544))) else {
            return
        }
        require(skus.ids.allSatisfy { $0 == $0.lowercased() }, "ids are in lower case")
        require(skus.consumedUnits.values.allSatisfy { $0 >= 0 }, "nobody holds less than no license")
        require(Set(skus.consumedUnits.keys).isSubset(of: skus.ids), "what is counted is there")
    }

    /// Whatever the server tells, what is told to it has days in their order, and closes nothing of others.
    static func relationships(_ input: inout FuzzInput) {
        let today = Day(number: 20_544)
        let firstDay = today.advanced(by: -Int(input.byte()))
        let told = input.byte()
        let isFirstHistory = input.byte() > 127
        var known: [KnownCustomer.Relationship] = []
        while !input.isAtEnd, known.count < 120 {
            let start = today.advanced(by: 64 - Int(input.byte()))
            let length = input.byte()
            known.append(
                KnownCustomer.Relationship(
                    partnerID: input.byte() & 1 == 0 ? "me" : "other", start: start,
                    end: length == 0 ? nil : start.advanced(by: Int(length))))
        }
        let made = RelationshipPlan(partnerID: "me", customerID: "c", today: today).facts(
            known: known, firstDay: firstDay, told: told == 0 ? nil : today.advanced(by: -Int(told)),
            isFirstHistory: isFirstHistory)
        let facts = made.facts.map(\.relationship)
        require(facts.count <= 2 && facts.isEmpty == (made.start == nil), "a start is told with its fact")
        require(facts.allSatisfy { $0.partnerID == "me" && $0.customerID == "c" }, "of the own partner alone")
        require(facts.allSatisfy { Day($0.startDate).map { $0 <= today } == true }, "nothing begins in the future")
        require(
            known.count < 100 || known.contains { $0.partnerID == "me" } || facts.isEmpty, "a cut answer plans nothing")
    }

    static func repeatedKey(_ bytes: [UInt8]) {
        guard let found = RepeatedKey.first(in: bytes, ignoringCaseIn: "partner_tenants") else { return }
        require((1...bytes.count(where: { $0 == 0x0A }) + 1).contains(found.line), "a line of the file")
    }
}
