import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Tenancy

@testable import InsightsServer

extension FuzzTarget {
    /// Requests of every method: the hand-written decoders against swift-protobuf, and the checks of all fields. The
    /// first byte chooses the method.
    static let requests = FuzzTarget(
        "requests", trials: 4_000, maximumLength: 2_048,
        dictionary: [
            "\u{0A}\u{0A}contoso-01", "\u{12}\u{0A}2024-03-01", "2024-02-29", "\u{1A}\u{02}\u{01}\u{02}", "EXO", "nl",
        ],
        seeds: { Requests.seeds },
        run: { bytes in
            let message = Array(bytes.dropFirst())
            Requests.compareHotDecoders(message)
            Requests.decoders[Int(bytes.first ?? 0) % Requests.decoders.count](message)
        })
}

private enum Requests {
    static let today = Day(number: 19_800)

    /// What a request comes to: no message, a bad field, or a question.
    enum Outcome<Query: Equatable>: Equatable {
        case malformed
        case bad(FieldError)
        case good(Query)

        init(_ body: () throws -> Query) {
            do { self = .good(try body()) } catch let error as FieldError { self = .bad(error) } catch {
                self = .malformed
            }
        }
    }

    static func compareHotDecoders(_ bytes: [UInt8]) {
        let byHand = Outcome { try CustomerInsightsFields(decoding: bytes.span.bytes).validated(today: today) }
        let byLibrary = Outcome {
            let request = try PBGetCustomerInsightsRequest(serializedBytes: bytes)
            return CustomerInsightsQuery(
                customer: try RequestFields.customer(request.customerID),
                asOf: try RequestFields.asOf(request.asOf, today: today),
                reach: try RequestFields.reach(request.scope), products: try RequestFields.products(request.products),
                minRevision: request.minRevision)
        }
        require(byHand == byLibrary, "both decoders of GetCustomerInsights agree")
        let compareByHand = Outcome { try CompareLicensesFields(decoding: bytes.span.bytes).validated(today: today) }
        let compareByLibrary = Outcome {
            let request = try PBCompareLicensesRequest(serializedBytes: bytes)
            return CompareLicensesQuery(
                customer: try RequestFields.optionalCustomer(request.customerID),
                asOf: try RequestFields.asOf(request.asOf, today: today),
                products: try RequestFields.products(request.products),
                minRevision: request.minRevision)
        }
        require(compareByHand == compareByLibrary, "both decoders of CompareLicenses agree")
    }

    /// Decodes a request, checks it as its method does, and binds a page token to it.
    private static func paged<Request: PagedRequest>(
        _: Request.Type, _ check: @escaping @Sendable (Request) throws -> Void = { _ in }
    ) -> @Sendable ([UInt8]) -> Void {
        { bytes in
            guard let request = try? Request(serializedBytes: bytes) else { return }
            try? check(request)
            if let size = try? RequestFields.pageSize(request.pageSize) {
                require((1...1_000).contains(size), "a page")
            }
            let query = try? PageQuery(partner: "p", method: Request.protoMessageName, request: request)
            var other = request
            (other.pageSize, other.pageToken) = (7, "other")
            require(
                query == (try? PageQuery(partner: "p", method: Request.protoMessageName, request: other)),
                "a token is not bound to the paging fields")
        }
    }

    private static func plain<Request: Message>(
        _: Request.Type, _ check: @escaping @Sendable (Request) throws -> Void = { _ in }
    ) -> @Sendable ([UInt8]) -> Void {
        { bytes in
            guard let request = try? Request(serializedBytes: bytes) else { return }
            try? check(request)
            let again: Request? = (try? request.serializedBytes() as [UInt8]).flatMap {
                try? Request(serializedBytes: $0)
            }
            require(again != nil, "what was decoded can be encoded and decoded")
        }
    }

    static let decoders: [@Sendable ([UInt8]) -> Void] = [
        plain(PBGetTrendRequest.self) { request in
            _ = try? RequestFields.optionalCustomer(request.customerID)
            _ = try? RequestFields.optionalWorkload(request.workloadCode)
            let range = try RequestFields.range(start: request.startDate, end: request.endDate, today: today)
            require(
                range.lowerBound.distance(to: range.upperBound) < FactLimits.maximumRangeDays,
                "a range is bounded")
        },
        plain(PBExplainUsageRequest.self) { request in
            _ = Language(tag: request.languageCode)
            _ = try RequestFields.subject(product: request.product, workloadCode: request.workloadCode)
        },
        plain(PBExportInsightsRequest.self) { request in
            _ = try RequestFields.asOf(request.asOf, today: today)
            _ = try RequestFields.products(request.products)
        },
        paged(PBListCustomerInsightsRequest.self) { request in
            _ = try? CustomerFilter(request.filter, .insights)
            _ = try? CustomerOrder(request.orderBy)
            _ = try RequestFields.products(request.products)
        },
        paged(PBListRecommendationsRequest.self) { _ = try RequestFields.products($0.products) },
        paged(PBListCustomersRequest.self) { _ = try CustomerFilter($0.filter, .customers) },
        paged(PBListSubscriptionsRequest.self) { _ = try RequestFields.customer($0.customerID) },
        paged(PBListLicensedUsersRequest.self) { _ = try RequestFields.optionalWorkload($0.workloadCode) },
        paged(PBListPrincipalsRequest.self), paged(PBListAuditEventsRequest.self), paged(PBGetIngestStatusRequest.self),
        plain(PBCreatePrincipalRequest.self), plain(PBUpdatePrincipalRequest.self),
        plain(PBDeletePrincipalRequest.self),
        plain(PBCreatePartnerRequest.self), plain(PBExplainAccessRequest.self), plain(PBWhoAmIRequest.self),
        plain(PBEraseUserRequest.self), plain(PBCheckCustomerRequest.self), plain(PBGetCustomerRequest.self),
        plain(PBGetPortfolioInsightsRequest.self),
        plain(Grpc_Reflection_V1_ServerReflectionRequest.self),
    ]

    static var seeds: [[UInt8]] {
        let insights = PBGetCustomerInsightsRequest.with {
            ($0.customerID, $0.asOf, $0.scope, $0.products) = (
                "contoso-01", "2024-03-01", .own, [.office365, .dynamics365]
            )
        }
        let compare = PBCompareLicensesRequest.with { ($0.customerID, $0.asOf) = ("contoso-01", "2024-02-29") }
        let trend = PBGetTrendRequest.with {
            ($0.customerID, $0.startDate, $0.endDate, $0.interval) = ("contoso-01", "2024-01-01", "2024-02-29", .week)
            $0.workloadCode = "EXO"
        }
        let list = PBListCustomerInsightsRequest.with {
            ($0.filter, $0.orderBy, $0.pageSize, $0.pageToken) = ("usage < 40", "sold desc", 50, "AQ")
        }
        let update = PBUpdatePrincipalRequest.with {
            $0.principal.principalID = "ann"
            $0.principal.roles = [.adminAgent]
            $0.updateMask.paths = ["roles", "display_name"]
        }
        let messages: [(UInt8, any Message)] = [(0, insights), (0, compare), (0, trend), (3, list), (12, update)]
        return messages.compactMap { method, message in
            (try? message.serializedBytes() as [UInt8]).map { [method] + $0 }
        }
    }
}
