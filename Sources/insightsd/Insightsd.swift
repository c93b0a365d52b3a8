import ArgumentParser

@main
struct Insightsd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "insightsd",
        abstract: "Partner Insights server: license deployment and usage over gRPC.",
        discussion: """
            Each option is also an environment variable (--tls-cert is INSIGHTS_TLS_CERT)
            and a key of the JSON file given by --config (tls-cert). Flags win over environment over file.
            """,
        subcommands: [
            ServeCommand.self, MigrateCommand.self, CheckConfigCommand.self, PrintPolicyCommand.self,
            VerifyAuditCommand.self, ArchiveAuditCommand.self, VerifyStoreCommand.self, BackupCommand.self,
            CopyStoreCommand.self, MaintainCommand.self,
        ])
}
