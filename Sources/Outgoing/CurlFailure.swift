import CCurl
import Glibc

/// What a code of libcurl means here.
enum CurlFailure {
    /// Bytes of libcurl's words that are passed on.
    private static let longestDetail = 200

    static func error(of transfer: CurlTransfer, _ code: CURLcode, isHeadTold: Bool, text: String) -> OutgoingError {
        let cause = cause(of: transfer, code, isHeadTold: isHeadTold)
        let systemError = systemError(of: transfer)
        return OutgoingError(host: host(of: transfer), cause: cause, detail: detail(code, cause, systemError, text))
    }

    /// Of the request, or of the redirect that was followed last.
    static func host(of transfer: CurlTransfer) -> String {
        let url = ccurl_text(transfer.easy, CURLINFO_EFFECTIVE_URL).map { String(cString: $0) }
        return url.flatMap { HTTPSAddress($0) }?.host ?? transfer.request.address.host
    }

    private static func cause(
        of transfer: CurlTransfer, _ code: CURLcode, isHeadTold: Bool
    ) -> OutgoingError.Cause {
        let limits = transfer.request.limits
        let answerOfProxy = ccurl_long(transfer.easy, CURLINFO_HTTP_CONNECTCODE)
        switch code {
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY: return .proxy
        // No attempt failed, for none was made: the library cannot use what the variable says.
        case CURLE_COULDNT_CONNECT where systemError(of: transfer) == 0: return .proxy
        case _ where answerOfProxy != 0 && answerOfProxy / 100 != 2: return .proxy
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT: return .unreachable
        case CURLE_OPERATION_TIMEDOUT: return .limit(timeLimit(of: transfer))
        case CURLE_PEER_FAILED_VERIFICATION: return .untrusted
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER: return .noTLS
        case CURLE_SSL_CACERT_BADFILE: return .unreadableAuthorities
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR: return .cutShort
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_LOGIN_DENIED, CURLE_URL_MALFORMAT: return .forbiddenRedirect
        case CURLE_TOO_MANY_REDIRECTS: return .limit(.redirects(limits.redirects))
        case CURLE_WEIRD_SERVER_REPLY: return .malformed
        // How the library calls a header line beyond its own bound.
        case CURLE_OUT_OF_MEMORY where !isHeadTold: return .limit(.headerBytes(limits.headerBytes))
        default: return .other
        }
    }

    private static func timeLimit(of transfer: CurlTransfer) -> OutgoingError.Limit {
        let limits = transfer.request.limits
        // libcurl counts milliseconds, and rounds either way.
        let elapsed = transfer.elapsed + .milliseconds(2)
        if let limit = limits.totalTime, elapsed >= limit { return .totalTime(limit) }
        // 0 as long as no connection stood.
        if ccurl_offset(transfer.easy, CURLINFO_PRETRANSFER_TIME_T) == 0 { return .connectTime(limits.connectTime) }
        return .slowness(bytesPerSecond: limits.slowestBytesPerSecond, seconds: limits.slowestSeconds)
    }

    /// `errno` of a connection that could not be made.
    private static func systemError(of transfer: CurlTransfer) -> Int32 {
        Int32(clamping: ccurl_long(transfer.easy, CURLINFO_OS_ERRNO))
    }

    /// The library's words where they name hosts, ports and certificates alone. Others repeat what a server or the
    /// proxy variable said, with its password: of these only the code's own name.
    private static func detail(
        _ code: CURLcode, _ cause: OutgoingError.Cause, _ systemError: Int32, _ text: String
    ) -> String? {
        switch cause {
        case .untrusted, .noTLS, .unreadableAuthorities:
            let clean = text.utf8.prefix(longestDetail).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
            return clean.isEmpty ? nil : String(decoding: clean, as: UTF8.self)
        case .unreachable where systemError != 0: return String(cString: strerror(systemError))
        case .unreachable, .cutShort, .proxy, .other: return String(cString: curl_easy_strerror(code))
        default: return nil
        }
    }
}
