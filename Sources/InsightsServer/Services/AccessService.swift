import Authentication
import InsightsAPI
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Tenancy

/// `AccessService`: who may do what within the caller's partner.
struct AccessService: Sendable {
    let reads: Reads
    let changes: Changes
    let directory: PrincipalDirectory

    func whoAmI(_ call: CallContext, _ request: RawSpan, _ reply: inout [UInt8]) throws(RPCStatus) {
        let _: PBWhoAmIRequest = try decode(request)
        guard let caller = call.record?.caller else { throw Refusal.noPermissionDeclared }
        var response = PBWhoAmIResponse()
        let principal = caller.principal
        response.principal.principalID = principal.name
        response.principal.partnerID = principal.partner?.text ?? ""
        response.principal.displayName = caller.identity.displayName
        response.principal.roles = principal.roles.roles.map(PBRole.init(role:))
        response.permissions = AccessPolicy.permissions(of: principal)
            .sorted { $0.rawValue < $1.rawValue }.map(PBPermission.init(permission:))
        response.credentialExpiresAt.seconds = caller.identity.expiresAt
        response.isOperator = principal.isOperator
        try encode(response, into: &reply)
    }

    func listPrincipals(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let message: PBListPrincipalsRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let paging = try Paging(reads, message, of: call)
        let directory = directory.snapshot
        let isShort = directory.principalCount(in: scope) <= ShortRead.entries / 4
        return try reads.answer(call, isShort: isShort) { (reply) throws(RPCStatus) in
            let all = directory.principals(in: scope)
            let page = paging.page(of: all) { $0.id.text }
            var response = PBListPrincipalsResponse()
            response.principals = page.rows.map { PBPrincipal(record: $0) }
            response.totalSize = Int32(clamping: all.count)
            response.nextPageToken = page.nextToken
            try encode(response, into: &reply)
        }
    }

    func createPrincipal(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let message: PBCreatePrincipalRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let record = try record(message.principal, of: scope.partner)
        return try change(.create(record), call: call, scope: scope) { made in
            var response = PBCreatePrincipalResponse()
            response.serversPending = made.pendingOnWire
            if let stored = made.principal { response.principal = PBPrincipal(record: stored) }
            return response
        }
    }

    func updatePrincipal(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let message: PBUpdatePrincipalRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let wanted = try record(message.principal, of: scope.partner)
        let paths = message.hasUpdateMask ? message.updateMask.paths : []
        var update = PrincipalUpdate()
        for path in paths.isEmpty ? ["roles", "disabled"] : paths {
            switch path {
            case "roles": update.roles = wanted.roles
            case "disabled": update.isDisabled = wanted.isDisabled
            case "display_name": update.displayName = wanted.displayName
            default:
                throw Refusal.badField("update_mask", "may name roles, disabled and display_name only")
            }
        }
        return try change(.update(wanted.id, update), call: call, scope: scope) { made in
            var response = PBUpdatePrincipalResponse()
            response.serversPending = made.pendingOnWire
            if let stored = made.principal { response.principal = PBPrincipal(record: stored) }
            return response
        }
    }

    func deletePrincipal(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let message: PBDeletePrincipalRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let principal = try principalID(message.principalID, field: "principal_id")
        return try change(.delete(principal), call: call, scope: scope) { made in
            var response = PBDeletePrincipalResponse()
            response.serversPending = made.pendingOnWire
            response.note = Self.noteOfDeletion
            return response
        }
    }

    private static let noteOfDeletion =
        "deleting does not end a token of a configured issuer that names this principal; disabling the principal does"

    func createPartner(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let message: PBCreatePartnerRequest = try decode(bytes)
        let grant = try call.operatorGrant()
        let partner = try partnerID(message.partnerID)
        let name = try checked { () throws(FieldError) in try FieldRules.name(message.name, "name") }
        guard !name.unicodeScalars.contains(where: \.isControl) else {
            throw Refusal.badField("name", "may not contain control characters")
        }
        let first = try record(message.principal, of: partner)
        // In the partner's own trail: its security team wants to see who gave whom the first access.
        let audit = changes.audit.event(of: call, partner: partner)
        return changes.answer(
            by: .createPartner(PartnerRecord(id: partner, name: name.isEmpty ? nil : name), first: first, grant), audit,
            path: "principal"
        ) { made in
            var response = PBCreatePartnerResponse()
            response.partnerID = partner.text
            response.revision = made.revision.number
            response.serversPending = made.pendingOnWire
            if let admin = made.principal { response.principal = PBPrincipal(record: admin) }
            return response
        }
    }

    func updatePartner(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let message: PBUpdatePartnerRequest = try decode(bytes)
        let grant = try call.operatorGrant()
        let partner = try partnerID(message.partnerID)
        let disabled = try checked { () throws(FieldError) in
            guard message.hasDisabled else { throw FieldError("disabled", "is required") }
            return message.disabled
        }
        guard directory.snapshot.isRegistered(partner) else { throw Refusal.partnerNotFound }
        return changes.answer(
            by: .setPartner(partner, disabled: disabled, grant), changes.audit.event(of: call, partner: partner),
            path: "partner"
        ) { made in
            var response = PBUpdatePartnerResponse()
            response.serversPending = made.pendingOnWire
            response.partnerID = partner.text
            response.disabled = disabled
            return response
        }
    }

    func explainAccess(_ call: CallContext, _ request: RawSpan, _ reply: inout [UInt8]) throws(RPCStatus) {
        let message: PBExplainAccessRequest = try decode(request)
        let scope = try call.partnerScope()
        let path =
            message.method.contains("/") && !message.method.hasPrefix("/") ? "/" + message.method : message.method
        guard let method = Method(ownNamed: path), let permission = method.permission else {
            throw Refusal.badField("method", "is not a method of this server")
        }
        let roles: RoleSet
        var who = "somebody with these roles"
        switch (message.principalID.isEmpty, message.roles.isEmpty) {
        case (false, false):
            throw Refusal.badField("roles", "only one of principal_id and roles may be given")
        case (false, true):
            let id = try principalID(message.principalID, field: "principal_id")
            guard let record = directory.snapshot.principal(id, in: scope) else {
                throw Refusal.principalNotFound
            }
            who = "principal \(id)"
            guard !record.isDisabled else {
                return try encode(
                    explanation(permission, allowed: false, "\(who) is disabled: refused like an unknown one"),
                    into: &reply
                )
            }
            roles = record.roles
        case (true, _):
            roles = try roleSet(message.roles, field: "roles")
        }
        let allowed = AccessPolicy.permissions(of: roles).contains(permission)
        let names = roles.roles.map(\.title).joined(separator: ", ")
        let holding = names.isEmpty ? "no role" : names
        let rule =
            allowed
            ? "\(permission.name) is granted to \(who): \(holding)"
            : "\(permission.name) is granted to no role of \(who) (\(holding)): denied by default"
        try encode(explanation(permission, allowed: allowed, rule), into: &reply)
    }

    // MARK: Shared moves

    private func explanation(_ permission: Permission, allowed: Bool, _ rule: String) -> PBExplainAccessResponse {
        var response = PBExplainAccessResponse()
        response.decision = allowed ? .allowed : .denied
        response.permission = PBPermission(permission: permission)
        response.rule = rule
        response.sufficientRoles = AccessPolicy.roles(with: permission).map(PBRole.init(role:))
        return response
    }

    /// Audited, durable, then visible; answered by the writer.
    private func change(
        _ change: PrincipalChange, call: CallContext, scope: PartnerScope,
        response: @escaping @Sendable (MadeChange) -> some Message
    ) throws(RPCStatus) -> UnaryAnswer {
        guard let caller = call.record?.caller?.identity else { throw Refusal.noPermissionDeclared }
        return changes.answer(
            by: .principal(change, scope, by: caller), changes.audit.event(of: call), path: "principal",
            response: response)
    }

    private func record(_ message: PBPrincipal, of partner: PartnerID) throws(RPCStatus) -> PrincipalRecord {
        if !message.partnerID.isEmpty, message.partnerID != partner.text {
            throw Refusal.badField("principal.partner_id", "must be empty or the partner itself")
        }
        return PrincipalRecord(
            partner: partner, id: try principalID(message.principalID, field: "principal.principal_id"),
            displayName: message.displayName, roles: try roleSet(message.roles, field: "principal.roles"),
            isDisabled: message.disabled)
    }

    private func partnerID(_ text: String) throws(RPCStatus) -> PartnerID {
        try checked { () throws(FieldError) in try FieldRules.id(text, "partner_id") }
    }

    private func principalID(_ text: String, field: String) throws(RPCStatus) -> PrincipalID {
        try checked { () throws(FieldError) in try FieldRules.id(text, field) }
    }

    private func roleSet(_ roles: [PBRole], field: String) throws(RPCStatus) -> RoleSet {
        var set: [Role] = []
        for (index, value) in roles.prefix(Self.maximumRoles).enumerated() {
            guard let raw = UInt8(exactly: value.rawValue), let role = Role(rawValue: raw) else {
                throw Refusal.badField("\(field)[\(index)]", "is no role")
            }
            set.append(role)
        }
        guard roles.count <= Self.maximumRoles else {
            throw Refusal.badField(field, "has more than \(Self.maximumRoles) roles")
        }
        return RoleSet(set)
    }

    private static let maximumRoles = 16
}

extension PBPrincipal {
    init(record: PrincipalRecord) {
        self.init()
        principalID = record.id.text
        partnerID = record.partner.text
        displayName = record.displayName
        roles = record.roles.roles.map(PBRole.init(role:))
        disabled = record.isDisabled
    }
}
