import CCurl

/// One request as libcurl sees it. Belongs to its loop's thread.
final class CurlTransfer {
    let id: UInt64
    let request: HTTPSRequest
    /// Freed in deinit.
    let easy: UnsafeMutableRawPointer
    private let receiver: any ResponseReceiver
    /// Before libcurl's own clock starts, whose last reading may be older than the limit that it enforced.
    private let began = ContinuousClock.now
    // libcurl keeps a pointer to both; freed in deinit, after the handle.
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>

    /// Lines since the last status line.
    private var block: [UInt8] = []
    private var hasHead = false
    private var headerBytes = 0
    private var bodyBytes = 0
    /// Why this side broke the transfer off; libcurl then only knows that it did.
    private var refusal: OutgoingError.Cause?
    /// The receiver wants nothing for now.
    private var isHeld = false
    /// libcurl holds back bytes that it was not rid of.
    private var isPaused = false

    init?(_ id: UInt64, _ request: HTTPSRequest, _ receiver: any ResponseReceiver) {
        guard let easy = curl_easy_init() else { return nil }
        self.id = id
        self.request = request
        self.receiver = receiver
        self.easy = easy
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(headerList)
        errorText.deallocate()
    }

    /// The transfer of a handle that is in a loop, which holds it.
    static func of(_ easy: UnsafeMutableRawPointer) -> CurlTransfer? {
        ccurl_private(easy).map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
    }

    var elapsed: Duration { ContinuousClock.now - began }

    // MARK: What arrives

    /// A line of a header block or trailer, or its empty last line.
    private func receivedHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        guard line.count <= request.limits.headerBytes - headerBytes else {
            refusal = .limit(.headerBytes(request.limits.headerBytes))
            return false
        }
        headerBytes += line.count
        if hasHead { return true }
        if line.starts(with: "HTTP/".utf8) { block = [] } else { block += line }
        return true
    }

    /// Bytes of the body that were taken, or what stands for a pause or an end.
    private func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        if isHeld {
            isPaused = true
            return Int(CURL_WRITEFUNC_PAUSE)
        }
        guard refusal == nil, announceHead() else { return Self.endOfTransfer }
        guard bytes.count <= request.limits.bodyBytes - bodyBytes else {
            refusal = .limit(.bodyBytes(request.limits.bodyBytes))
            return Self.endOfTransfer
        }
        bodyBytes += bytes.count
        if !bytes.isEmpty { isHeld = !receiver.receive([UInt8](bytes)) }
        return bytes.count
    }

    /// Not the number of bytes that were offered, so that libcurl ends the transfer.
    private static let endOfTransfer = Int(UInt32.max)

    /// Tells the head once, before the body. False when the answer is none that was wanted.
    private func announceHead() -> Bool {
        if hasHead { return true }
        hasHead = true
        let status = Int(ccurl_long(easy, CURLINFO_RESPONSE_CODE))
        if let only = request.onlyStatus, status != only {
            refusal = .status(status)
        } else if ccurl_offset(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T) > request.limits.bodyBytes {
            refusal = .limit(.bodyBytes(request.limits.bodyBytes))
        } else {
            receiver.receive(ResponseHead(status: status, block: block))
        }
        return refusal == nil
    }

    // MARK: What the loop asks

    func resume() {
        isHeld = false
        guard isPaused else { return }
        isPaused = false
        curl_easy_pause(easy, Int32(CURLPAUSE_CONT))
    }

    /// The library is done with it.
    func finish(_ code: CURLcode) {
        // What was refused in a pause is missing from the body, whatever the library says.
        if code == CURLE_OK, refusal == nil, announceHead() { return receiver.finish(nil) }
        if let refusal { return finish(because: refusal) }
        receiver.finish(CurlFailure.error(of: self, code, isHeadTold: hasHead, text: String(cString: errorText)))
    }

    func finish(because cause: OutgoingError.Cause) {
        receiver.finish(OutgoingError(host: CurlFailure.host(of: self), cause: cause, detail: nil))
    }

    // MARK: Options

    /// False when the library lacks one: nothing goes out with less than what was asked for.
    func prepare(_ headers: [String]) -> Bool {
        for line in headers {
            guard let longer = curl_slist_append(headerList, line) else { return false }
            headerList = longer
        }
        let this = Unmanaged.passUnretained(self).toOpaque()
        let codes =
            [
                ccurl_set_text(easy, CURLOPT_URL, request.address.description),
                ccurl_set_list(easy, CURLOPT_HTTPHEADER, headerList),
                ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText),
                ccurl_set_pointer(easy, CURLOPT_PRIVATE, this),
                ccurl_set_pointer(easy, CURLOPT_WRITEDATA, this),
                ccurl_set_pointer(easy, CURLOPT_HEADERDATA, this),
                ccurl_set_writer(easy, CURLOPT_WRITEFUNCTION) { bytes, _, count, this in
                    guard let this else { return 0 }
                    let transfer = Unmanaged<CurlTransfer>.fromOpaque(this).takeUnretainedValue()
                    return transfer.received(UnsafeRawBufferPointer(start: bytes, count: count))
                },
                ccurl_set_writer(easy, CURLOPT_HEADERFUNCTION) { bytes, _, count, this in
                    guard let this else { return 0 }
                    let transfer = Unmanaged<CurlTransfer>.fromOpaque(this).takeUnretainedValue()
                    let line = UnsafeRawBufferPointer(start: bytes, count: count)
                    return transfer.receivedHeader(line) ? count : CurlTransfer.endOfTransfer
                },
            ] + methodOptions + securityOptions + limitOptions
        return codes.allSatisfy { $0 == CURLE_OK }
    }

    private var methodOptions: [CURLcode] {
        switch request.method {
        case .get: [ccurl_set_long(easy, CURLOPT_HTTPGET, 1)]
        case .post(let body, _): [ccurl_set_body(easy, body, Int64(body.count))]
        }
    }

    private var securityOptions: [CURLcode] {
        var codes = [
            ccurl_set_text(easy, CURLOPT_PROTOCOLS_STR, "https"),
            ccurl_set_text(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https"),
            ccurl_set_long(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1),
            ccurl_set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2),
            ccurl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 1),
            ccurl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 2),
            // A connection is verified with the authorities of today, not with those of the last one.
            ccurl_set_long(easy, CURLOPT_CA_CACHE_TIMEOUT, 0),
            ccurl_set_long(easy, CURLOPT_SSL_SESSIONID_CACHE, 0),
            // Headers are for the server, none of them for a proxy.
            ccurl_set_long(easy, CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE)),
            ccurl_set_long(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1),
            ccurl_set_long(easy, CURLOPT_PATH_AS_IS, 1),
        ]
        if let file = request.authoritiesFile {
            codes.append(ccurl_set_text(easy, CURLOPT_CAINFO, file))
            // Else the system's would be trusted besides.
            codes.append(ccurl_set_text(easy, CURLOPT_CAPATH, nil))
        }
        return codes
    }

    private var limitOptions: [CURLcode] {
        let limits = request.limits
        let follows = request.method == .get && limits.redirects > 0
        return [
            ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1),
            // A transfer that ends while its host is looked up does not make the others wait for that.
            ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1),
            ccurl_set_long(easy, CURLOPT_FOLLOWLOCATION, follows ? 1 : 0),
            ccurl_set_long(easy, CURLOPT_MAXREDIRS, limits.redirects),
            ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, limits.connectTime.milliseconds),
            // 0 is none.
            ccurl_set_long(easy, CURLOPT_TIMEOUT_MS, limits.totalTime?.milliseconds ?? 0),
            ccurl_set_long(easy, CURLOPT_LOW_SPEED_LIMIT, limits.slowestBytesPerSecond),
            ccurl_set_long(easy, CURLOPT_LOW_SPEED_TIME, limits.slowestSeconds),
            ccurl_set_long(easy, CURLOPT_FORBID_REUSE, request.keepsConnection ? 0 : 1),
        ]
    }
}

extension Duration {
    /// At least 1: 0 would mean no limit, or the library's own.
    fileprivate var milliseconds: Int {
        let (seconds, attoseconds) = components
        let whole = Int(clamping: seconds).multipliedReportingOverflow(by: 1_000)
        let all = whole.overflow ? Int(Int32.max) : whole.partialValue + Int(attoseconds / 1_000_000_000_000_000)
        return min(max(all, 1), Int(Int32.max))
    }
}
