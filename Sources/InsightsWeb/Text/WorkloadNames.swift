/// Names of workloads are the vendor's, and the same in every language.
extension Words {
    func workload(_ code: String) -> String {
        switch code {
        case "EXO": "Exchange"
        case "SPO": "SharePoint"
        case "TEAMS": "Teams"
        case "SFB": "Skype for Business"
        case "YAM": "Yammer"
        case "APPS": "Microsoft 365 Apps"
        case "CRM": "Dynamics 365"
        default: code
        }
    }
}
