import Cryptography
import InsightsAPI
import LicenseModel
import SwiftProtobuf

extension PageQuery {
    /// Binds tokens to the caller, the method and every field of the request but the paging ones. None of these
    /// messages has a map, so equal requests have equal bytes.
    init(partner: String, method: String, request: some PagedRequest) throws(FieldError) {
        var question = request
        question.pageSize = 0
        question.pageToken = ""
        do {
            let bytes: [UInt8] = try question.serializedBytes()
            self.init(partner: partner, method: method, digest: DigestAlgorithm.sha256.digest(of: bytes))
        } catch {
            throw FieldError("page_token", "cannot be bound to this request")
        }
    }
}
