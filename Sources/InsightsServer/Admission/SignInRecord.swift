import Authentication
import Logging

/// How a sign-in ended, for log and audit: of who signed in what the directory calls them, of a refusal the cause
/// alone.
struct SignInRecord {
    private let result: Result<Session, SignInFailure>

    init(_ result: Result<Session, SignInFailure>) { self.result = result }

    func put(on audit: CallAudit, _ strangers: StrangerLog) {
        switch result {
        case .success(let session):
            strangers.log(
                .info, "signed in",
                metadata: ["partner": .string(session.partner.text), "principal": .string(session.principal.text)])
            audit.recordSignIn(session, method: SignIn.callbackPath)
        case .failure(let failure):
            strangers.log(.info, "sign-in refused", metadata: metadata(failure))
            // Without a sign-in under way there is nobody whom anything was refused.
            if failure.isRefusal { audit.recordSignIn(nil, method: SignIn.callbackPath) }
        }
    }

    private func metadata(_ failure: SignInFailure) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["cause": .string(failure.cause)]
        if case .token(let failure) = failure {
            if let issuer = failure.issuer { metadata["issuer"] = .string(issuer) }
            if let seconds = failure.seconds { metadata["seconds"] = .stringConvertible(seconds) }
        }
        return metadata
    }
}
