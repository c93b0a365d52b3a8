import LicenseModel

/// The rules of folds that every engine keeps before it touches anything.
package enum FoldChecks {
    package static func check(_ bucket: Int, of buckets: Int) throws(DatastoreError) {
        guard (0..<buckets).contains(bucket) else { throw .invalid("there is no bucket \(bucket)") }
    }

    package static func check(foldThrough revision: Revision, folded: Revision, last: Revision) throws(DatastoreError) {
        guard revision >= folded, revision <= last else {
            throw .invalid("a fold through revision \(revision) is outside \(folded)…\(last)")
        }
    }
}
