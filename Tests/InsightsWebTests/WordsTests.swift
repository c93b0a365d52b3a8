import Foundation
import InsightsAPI
import RPCEngine
import SwiftProtobuf
import Tenancy
import Testing

@testable import InsightsWeb

struct WordsTests {
    private let english = Numerals(language: .english)
    private let dutch = Numerals(language: .dutch)

    @Test func numbersInTheFormOfTheLanguage() {
        for (value, inEnglish, inDutch) in [
            (0, "0", "0"), (999, "999", "999"), (1_000, "1,000", "1.000"), (1_234_567, "1,234,567", "1.234.567"),
            (-5, "−5", "−5"), (Int64.max, "9,223,372,036,854,775,807", "9.223.372.036.854.775.807"),
        ] as [(Int64, String, String)] {
            #expect(english.count(value) == inEnglish && dutch.count(value) == inDutch)
        }
        for (value, inEnglish, inDutch) in [
            (0, "0.0", "0,0"), (72.449, "72.4", "72,4"), (72.45, "72.5", "72,5"), (1_234.5, "1,234.5", "1.234,5"),
            (-1, "−1.0", "−1,0"), (466.666, "466.7", "466,7"),
        ] as [(Double, String, String)] {
            #expect(english.percent(value) == inEnglish + "\u{A0}%" && dutch.percent(value) == inDutch + "\u{A0}%")
        }
        #expect(english.percent(.nan) == "–" && english.percent(1e300) == "–")
    }

    @Test func daysInTheFormOfTheLanguage() {
        func plain(_ text: String) -> String { text.replacing("\u{A0}", with: " ") }
        #expect(plain(english.day("2026-03-31")) == "31 Mar 2026" && plain(dutch.day("2026-03-31")) == "31 mrt 2026")
        #expect(plain(dutch.day("2026-10-01")) == "1 okt 2026")
        for text in ["", "2026-02-30", "no day", "2026-3-31"] { #expect(english.day(text) == text) }
        let time = Google_Protobuf_Timestamp(seconds: 1_774_915_505, nanos: 0)
        #expect(plain(english.moment(time)) == "31 Mar 2026 00:05 UTC")
    }

    @Test func theLanguageIsChosen() {
        func chosen(_ query: String?, _ cookie: String?, _ accept: String) -> PageLanguage {
            PageLanguage(query: query, cookie: cookie, accept: accept)
        }
        #expect(chosen("nl", "en", "en") == .dutch && chosen(nil, "nl", "en") == .dutch)
        #expect(chosen("xx", nil, "nl-BE,nl;q=0.9,en;q=0.8") == .dutch)
        #expect(chosen(nil, nil, "de, en;q=0.5, nl;q=0.7") == .dutch && chosen(nil, nil, "") == .english)
        #expect(chosen(nil, "evil", "fr") == .english && chosen(nil, nil, "nl;q=0") == .english)
    }

    /// No word is missing, and names are those of people, not of the wire.
    @Test(arguments: PageLanguage.allCases) func everythingHasAName(_ language: PageLanguage) {
        let words = language.words
        for value in PBUsageClass.allCases where value != .unspecified {
            #expect(!words.usageClass(value).title.isEmpty && !words.usageClass(value).meaning.isEmpty)
        }
        for kind in PBRecommendationKind.allCases where kind != .unspecified {
            #expect(words.adviceKind(kind) != words.advice && PBRecommendationKind.byUrgency.contains(kind))
        }
        for state in PBSubscriptionState.allCases where state != .unspecified {
            #expect(words.state(state) != words.unknown)
        }
        for source in PBSource.allCases where source != .unspecified { #expect(words.source(source) != words.unknown) }
        for permission in Permission.allCases { #expect(words.permission(permission) != permission.name) }
        for code in RPCStatus.Code.allCases { #expect(!words.refusal(code).title.isEmpty) }
        for metric in TrendMetric.allCases {
            #expect(!words.metric(metric).isEmpty && !words.metricMeaning(metric).isEmpty)
        }
        for code in PageView.workloads { #expect(words.workload(code) != code) }
        #expect(words.workload("XYZ") == "XYZ")
        #expect(words.definitions.count == English().definitions.count)
    }

    @Test func termsAreWords() {
        #expect(English().term("P1M") == "1 month" && English().term("P3Y") == "3 years")
        #expect(
            Dutch().term("P1Y") == "1 jaar" && Dutch().term("P12M") == "12 maanden" && Dutch().term("P7D") == "7 dagen")
        for odd in ["", "P", "1M", "P1Y6M", "PT1H"] { #expect(Dutch().term(odd) == odd) }
    }
}
