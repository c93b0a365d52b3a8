import DatastoreConformance
import Foundation
import Testing

@testable import GraphSync

struct RetryAfterTests {
    /// Sun, 06 Nov 1994 08:49:37 GMT.
    private let now = Date(timeIntervalSince1970: 784_111_777)

    private func seconds(_ header: String?) -> Int64? {
        RetryAfter.pause(header, now: now)?.components.seconds
    }

    @Test func secondsAsTheyAre() {
        #expect(seconds("1") == 1)
        #expect(seconds(" 120\t") == 120)
        #expect(seconds("007") == 7)
    }

    @Test func threeFormsOfDates() {
        #expect(seconds("Sun, 06 Nov 1994 08:50:07 GMT") == 30)
        #expect(seconds("Sunday, 06-Nov-94 08:50:07 GMT") == 30)
        #expect(seconds("Sun Nov  6 08:50:07 1994") == 30)
        #expect(seconds("Wed Nov 16 08:49:37 1994") == 864_000)
        #expect(seconds("Sun, 06 Nov 2094 08:49:37 GMT") == 3_155_760_000)
        #expect(seconds("Sat, 31 Dec 1994 23:59:60 GMT") == 4_806_623)
        // Two digits are of the years around.
        #expect(seconds("Monday, 06-Nov-95 08:49:37 GMT") == 31_536_000)
        #expect(seconds("Sunday, 06-Nov-44 08:49:37 GMT").map { $0 > 1_577_000_000 } == true)
        #expect(seconds("Sunday, 06-Nov-45 08:49:37 GMT") == nil)
    }

    /// As another reader has it, of every kind of day.
    @Test func datesLikeAnotherReader() throws {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        var seed = SeededGenerator(seed: 4)
        for format in ["EEE',' dd MMM yyyy HH':'mm':'ss 'GMT'", "EEE MMM d HH':'mm':'ss yyyy"] {
            formatter.dateFormat = format
            for _ in 0..<300 {
                let ahead = seed.int(1...10_000_000_000)
                let text = formatter.string(from: now.addingTimeInterval(TimeInterval(ahead)))
                #expect(seconds(text) == Int64(ahead), "\(text)")
            }
        }
    }

    /// A clock that is ahead of the server's would have tries follow each other at once.
    @Test(arguments: ["0", "000", "Sun, 06 Nov 1994 08:49:37 GMT", "Sat, 05 Nov 1994 08:49:37 GMT"])
    func aTimeThatIsOverSaysNothing(_ header: String) {
        #expect(RetryAfter.pause(header, now: now) == nil)
    }

    @Test func hugeNumbersAreLong() {
        let longest = SyncLimits().longestWait
        for header in ["3601", "9223372036854775807", "9223372036854775808", String(repeating: "9", count: 64)] {
            #expect(RetryAfter.pause(header, now: now).map { $0 > longest } == true, "\(header)")
        }
        #expect(seconds("Fri, 31 Dec 9999 23:59:59 GMT").map { $0 > 3_600 } == true)
    }

    @Test(arguments: [
        nil, "", "  ", "-5", "+5", "1.5", "5 s", "1e3", "٣", "five", "soon, later", "\0", "12\u{0}",
        "Sun, 06 Nov 1994", "Sunday, 06-Nov-94 08:50 GMT", "06 Nov 1994 08:50:07 GMT x", "Sun Nov 6 08:50:07 94",
        "Sun, 6 Nov 1994 08:50:07 GMT", "Sun, 06 nov 1994 08:50:07 GMT", "Day, 06 Nov 1994 08:50:07 GMT",
        "Sun, 06 Nov 1994 8:50:07 GMT", "Sun, 06 Nov 1994 08:50:+7 GMT", "Sun, -6 Nov 1994 08:50:07 GMT",
        "Sun, 06 Nov 1994 08:50:07 CET", "Sun, 31 Feb 1995 08:50:07 GMT",
        "Sun, 06 Nov 1994 25:50:07 GMT", "Sun, 06 Nov 99999999999999999999 08:50:07 GMT",
        String(repeating: "9", count: 65), String(repeating: "Sun, ", count: 20_000),
    ])
    func garbageSaysNothing(_ header: String?) {
        #expect(RetryAfter.pause(header, now: now) == nil)
    }

    /// Whatever a server writes becomes a number or nothing.
    @Test func mutatedDates() {
        var seed = SeededGenerator(seed: 3)
        let forms = [
            "Sun, 06 Nov 1994 08:50:07 GMT", "Sunday, 06-Nov-94 08:50:07 GMT", "Sun Nov  6 08:50:07 1994", "120",
        ]
        let bytes = Array(" ,-:0123456789+AGMTNovSundayé".unicodeScalars)
        for _ in 0..<500 {
            var text = Array((forms.randomElement(using: &seed) ?? "").unicodeScalars)
            for _ in 0..<Int.random(in: 1...4, using: &seed) {
                guard let scalar = bytes.randomElement(using: &seed) else { continue }
                let place = Int.random(in: 0..<text.count, using: &seed)
                if Bool.random(using: &seed) { text[place] = scalar } else { text.insert(scalar, at: place) }
            }
            let header = String(String.UnicodeScalarView(text))
            if let pause = RetryAfter.pause(header, now: now) { #expect(pause > .zero, "\(header)") }
        }
    }
}
