import SwiftProtobuf

/// A request for one page of a list.
public protocol PagedRequest: SwiftProtobuf.Message {
    /// Entries at most; 0 leaves it to the server.
    var pageSize: Int32 { get set }
    /// Empty for the first page.
    var pageToken: String { get set }
    /// The revision that the reply must have seen; 0 in requests that cannot ask for one.
    var minRevision: UInt64 { get set }
}

extension PagedRequest {
    public var minRevision: UInt64 {
        get { 0 }
        set {}
    }
}

/// One page of a list.
public protocol PagedResponse: SwiftProtobuf.Message {
    /// Empty after the last page.
    var nextPageToken: String { get set }
}

extension PBListCustomerInsightsRequest: PagedRequest {}
extension PBListRecommendationsRequest: PagedRequest {}
extension PBListCustomersRequest: PagedRequest {}
extension PBListSubscriptionsRequest: PagedRequest {}
extension PBListLicensedUsersRequest: PagedRequest {}
extension PBListPrincipalsRequest: PagedRequest {}
extension PBListAuditEventsRequest: PagedRequest {}
extension PBGetIngestStatusRequest: PagedRequest {}

extension PBListCustomerInsightsResponse: PagedResponse {}
extension PBListRecommendationsResponse: PagedResponse {}
extension PBListCustomersResponse: PagedResponse {}
extension PBListSubscriptionsResponse: PagedResponse {}
extension PBListLicensedUsersResponse: PagedResponse {}
extension PBListPrincipalsResponse: PagedResponse {}
extension PBListAuditEventsResponse: PagedResponse {}
extension PBGetIngestStatusResponse: PagedResponse {}
