/// The axis of values: from 0 in whole steps to one at or above the greatest value. Where a few percentages are far
/// above all others, as in the first days of a workload, they are drawn in a band above, so that the rest is not
/// flattened: nothing is cut off.
struct ChartScale: Equatable, Sendable {
    let step: Double
    let steps: Int
    /// Of the band above the steps; nil without one.
    let bandTop: Double?

    /// The greatest value of the steps.
    var stepsTop: Double { step * Double(steps) }
    var top: Double { bandTop ?? stepsTop }
    /// From 0 to the top.
    var ticks: [Double] { (0...steps).map { Double($0) * step } + (bandTop.map { [$0] } ?? []) }

    /// At most so many steps, so that labels have room.
    static let mostSteps = 6
    /// Of the plot, in per cent of its height.
    static let bandHeight = 20.0
    /// Values from which on a few can be told from all others, and the share of all that are no few.
    private static let leastValues = 20
    private static let share = 0.9
    /// The greatest value has to be so many times above what the others need.
    private static let leastRatio = 2.5

    /// - Parameters:
    ///   - values: those that are drawn.
    ///   - isPercent: the axis reaches 100 at least, in quarters.
    init(_ values: some Sequence<Double>, isPercent: Bool) {
        let values = values.filter { $0.isFinite && $0 > 0 }
        let greatest = values.max() ?? 0
        guard isPercent, values.count >= Self.leastValues else {
            self.init(upTo: greatest, isPercent: isPercent)
            return
        }
        let most = values.sorted()[Int(Self.share * Double(values.count - 1))]
        let steps = ChartScale(upTo: most, isPercent: true)
        if greatest > Self.leastRatio * steps.top {
            self.init(step: steps.step, steps: steps.steps, bandTop: (greatest / 100).rounded(.up) * 100)
        } else {
            self.init(upTo: greatest, isPercent: true)
        }
    }

    private init(step: Double, steps: Int, bandTop: Double?) {
        (self.step, self.steps, self.bandTop) = (step, steps, bandTop)
    }

    private init(upTo greatest: Double, isPercent: Bool) {
        let needed = max(greatest, isPercent ? 100 : 1)
        var step = isPercent ? 25.0 : 1.0
        // 25, 50, 100, 200, 500 … or 1, 2, 5, 10 …; no count has more than 19 digits.
        var next = 0
        let factors = isPercent ? [2, 2, 2, 2.5] : [2, 2.5, 2]
        while needed / step > Double(Self.mostSteps - 1), next < 64 {
            step *= isPercent && next >= 4 ? [2, 2, 2.5][(next - 4) % 3] : factors[next % factors.count]
            next += 1
        }
        // More than the steps there are room for are above all that can be counted.
        let steps = Int(min(Double(Self.mostSteps), max(1, (needed / step).rounded(.up))))
        self.init(step: step, steps: steps, bandTop: nil)
    }

    /// From the top of the plot, in per cent of its height.
    func height(of value: Double) -> Double {
        guard let bandTop else { return 100 - 100 * value / stepsTop }
        guard value > stepsTop else { return 100 - (100 - Self.bandHeight) * value / stepsTop }
        return Self.bandHeight * (bandTop - value) / (bandTop - stepsTop)
    }
}
