/// The axis of values: from 0 in whole steps to one at or above the greatest value.
struct ChartScale: Equatable, Sendable {
    let step: Double
    let steps: Int

    var top: Double { step * Double(steps) }
    /// From 0 to the top.
    var ticks: [Double] { (0...steps).map { Double($0) * step } }

    /// At most so many steps, so that labels have room.
    static let mostSteps = 6

    /// - Parameters:
    ///   - values: those that are drawn.
    ///   - isPercent: the axis reaches 100 at least, in quarters.
    init(_ values: some Sequence<Double>, isPercent: Bool) {
        let greatest = values.reduce(0) { max($0, $1.isFinite ? $1 : 0) }
        let needed = max(greatest, isPercent ? 100 : 1)
        var step = isPercent ? 25.0 : 1.0
        // 25, 50, 100, 200, 500 … or 1, 2, 5, 10 …; no count has more than 19 digits.
        var next = 0
        let factors = isPercent ? [2, 2, 2, 2.5] : [2, 2.5, 2]
        while needed / step > Double(Self.mostSteps - 1), next < 64 {
            step *= isPercent && next >= 4 ? [2, 2, 2.5][(next - 4) % 3] : factors[next % factors.count]
            next += 1
        }
        self.step = step
        // More than the steps there are room for are above all that can be counted.
        steps = Int(min(Double(Self.mostSteps), max(1, (needed / step).rounded(.up))))
    }

    /// From the top of the plot, in per cent of its height.
    func height(of value: Double) -> Double { 100 - 100 * value / top }
}
