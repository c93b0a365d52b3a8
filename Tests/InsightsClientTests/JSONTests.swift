import Foundation
import InsightsAPI
import SwiftProtobuf
import Testing

@testable import insights

@Suite struct JSONTests {
    /// Every answer that a command prints, and every message inside one.
    private static let messages: [any Message] = [
        PBGetCustomerInsightsResponse(), PBGetPortfolioInsightsResponse(), PBListCustomerInsightsResponse(),
        PBListCustomersResponse(), PBCompareLicensesResponse(), PBGetTrendResponse(), PBExplainUsageResponse(),
        PBListRecommendationsResponse(), PBListSubscriptionsResponse(), PBListLicensedUsersResponse(),
        PBWhoAmIResponse(), PBListPrincipalsResponse(), PBCreatePrincipalResponse(), PBUpdatePrincipalResponse(),
        PBDeletePrincipalResponse(), PBExplainAccessResponse(), PBListAuditEventsResponse(), PBCreatePartnerResponse(),
        PBUpdatePartnerResponse(),
        PBGetIngestStatusResponse(), PBCheckCustomerResponse(), PBEraseUserResponse(), PBCustomerInsights(),
        PBPortfolioInsights(),
        PBProductInsights(), PBLicenseFigures(), PBUsageFigures(), PBRatio(), PBSkuLicenses(), PBWorkloadUsage(),
        PBFreshness(), PBSourceCoverage(), PBWorkloadCoverage(), PBLicenseComparison(), PBTrendPoint(),
        PBUsageExplanation(), PBUsageClassCount(), PBRecommendation(), PBEvidence(), PBExportRow(), PBCustomer(),
        PBSubscription(),
        PBLicensedUser(), PBWorkloadActivity(), PBPrincipal(), PBAuditEvent(), PBCustomerCoverage(),
        PBCustomerRelationship(),
    ]

    /// The parser refuses names that the proto does not have, and a value of another type.
    @Test func zerosHaveTheNamesAndTypesOfTheProtos() throws {
        for message in Self.messages {
            let text = try JSONText.text(message)
            let read = try type(of: message).init(jsonString: text)
            #expect(read.isEqualTo(message: message), "\(text)")
        }
    }

    @Test func onlyWhatHasPresenceIsAbsent() throws {
        let explanation = PBUsageExplanation.with {
            $0.activeUsers = 0
            $0.classes = [PBUsageClassCount(), .with { $0.users = 9_007_199_254_740_993 }]
        }
        #expect(
            try JSONText.text(explanation) == """
                {
                  "active_users" : 0,
                  "as_of" : "",
                  "classes" : [
                    {
                      "users" : 0
                    },
                    {
                      "users" : 9007199254740993
                    }
                  ],
                  "text" : ""
                }

                """)
    }

    @Test func largeMessagesAndTimesAreComplete() throws {
        var response = PBListAuditEventsResponse()
        response.events = [.with { $0.time = .init(seconds: 0) }]
        let text = try JSONText.text(response)
        for field in [#""is_operator" : false"#, #""code" : 0"#, #""time" : "1970-01-01T00:00:00Z""#] {
            #expect(text.contains(field), "\(field)")
        }
        #expect(try JSONText.text(PBCustomerInsights()).contains(#""products" : ["#))
        #expect(try JSONText.line(PBExportRow.with { $0.ownSold = 7 }) == "{\"own_sold\":7}\n")
    }

    @Test func propertiesBecomeFieldNames() {
        #expect(JSONZeros.protoName("_customerID") == "customer_id")
        #expect(JSONZeros.protoName("skuIds") == "sku_ids")
        #expect(JSONZeros.protoName("asOf") == "as_of")
    }
}
