import ArgumentParser

/// Finds commands that do not exist before the argument parser does, which would complain about their options instead.
enum CommandNames {
    /// What is wrong with the command that the arguments name, in one line; nil when it exists.
    static func complaint(about arguments: [String]) -> String? {
        let (leading, rest) = GlobalFlags.split(arguments)
        if rest.isEmpty && !leading.isEmpty { return "a command is missing; `insights --help` lists the commands" }
        var command: any ParsableCommand.Type = InsightsCommand.self
        var path = ""
        for argument in rest {
            let children = children(of: command)
            if children.isEmpty || argument.hasPrefix("-") || path + argument == "help" { return nil }
            guard let child = children.first(where: { name(of: $0) == argument }) else {
                let known = children.map(name(of:))
                let advice =
                    nearest(to: argument, in: known).map { "did you mean “\(path)\($0)”?" }
                    ?? "`insights \(path)--help` lists the commands"
                return "there is no command “\(path)\(argument)”; \(advice)"
            }
            command = child
            path += "\(argument) "
        }
        return nil
    }

    private static func children(of command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        command.configuration.subcommands + command.configuration.groupedSubcommands.flatMap(\.subcommands)
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? ""
    }

    /// The name that was most likely meant: at most every third letter is wrong, or the rest was left out.
    static func nearest(to text: String, in names: [String]) -> String? {
        let text = text.lowercased()
        guard (2...40).contains(text.count) else { return nil }
        let best = names.map { (name: $0, distance: distance(text, $0)) }.min { $0.distance < $1.distance }
        if let best, best.distance * 3 <= best.name.count { return best.name }
        return names.first { $0.hasPrefix(text) }
    }

    /// Letters to insert, delete or replace.
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (index, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in right.enumerated() {
                let next = letter == other ? diagonal : 1 + min(diagonal, row[column], row[column + 1])
                diagonal = row[column + 1]
                row[column + 1] = next
            }
        }
        return row[right.count]
    }
}
