import ArgumentParser
import InsightsAPI

/// How many entries of a list.
struct PagingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Stop after this many entries; 0 is all of them.", valueName: "count"))
    var limit: Int = 0

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit must not be below 0") }
    }

    /// Asks for pages until all are there or the limit is reached, and puts their entries into the last one.
    func collect<Request: PagedRequest, Page: PagedResponse, Entry>(
        _ request: Request, _ entries: WritableKeyPath<Page, [Entry]>, _ fetch: (Request) async throws -> Page
    ) async throws -> Page {
        var request = request
        var collected: [Entry] = []
        while true {
            request.pageSize = Int32(limit == 0 ? 1_000 : min(1_000, limit - collected.count))
            var page = try await fetch(request)
            collected += page[keyPath: entries]
            let token = page.nextPageToken
            guard token != request.pageToken || token.isEmpty else {
                throw CommandFailure("the server answered the same page twice")
            }
            if token.isEmpty || limit != 0 && collected.count >= limit {
                page[keyPath: entries] = collected
                return page
            }
            request.pageToken = token
        }
    }
}
