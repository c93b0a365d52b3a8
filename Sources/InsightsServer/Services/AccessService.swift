import Authentication
import Dispatch
import Foundation
import InsightsAPI
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Tenancy

/// `AccessService`: who may do what within the caller's partner.
struct AccessService: Sendable {
    let context: ServerContext

    init(context: ServerContext) {
        self.context = context
    }

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

    func listPrincipals(_ call: CallContext, _ bytes: [UInt8], _ responder: UnaryResponder) {
        respond(responder) { () throws(RPCStatus) in
            let message: PBListPrincipalsRequest = try decode(bytes)
            let scope = try call.partnerScope()
            let paging = try Paging(context, message, of: call)
            let directory = context.directory.snapshot
            let isShort = directory.principalCount(in: scope) <= ShortRead.entries / 4
            context.read(call, responder, isShort: isShort) { (reply) throws(RPCStatus) in
                let all = directory.principals(in: scope)
                let page = paging.page(of: all) { $0.id.text }
                var response = PBListPrincipalsResponse()
                response.principals = page.rows.map { PBPrincipal(record: $0) }
                response.totalSize = Int32(clamping: all.count)
                response.nextPageToken = page.nextToken
                try encode(response, into: &reply)
            }
        }
    }

    func createPrincipal(_ call: CallContext, _ bytes: [UInt8], _ responder: UnaryResponder) {
        respond(responder) { () throws(RPCStatus) in
            let message: PBCreatePrincipalRequest = try decode(bytes)
            let scope = try call.partnerScope()
            let record = try record(message.principal, of: scope.partner)
            change(.create(record), call: call, scope: scope, responder) { stored in
                var response = PBCreatePrincipalResponse()
                if let stored { response.principal = PBPrincipal(record: stored) }
                return response
            }
        }
    }

    func updatePrincipal(_ call: CallContext, _ bytes: [UInt8], _ responder: UnaryResponder) {
        respond(responder) { () throws(RPCStatus) in
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
            change(.update(wanted.id, update), call: call, scope: scope, responder) { stored in
                var response = PBUpdatePrincipalResponse()
                if let stored { response.principal = PBPrincipal(record: stored) }
                return response
            }
        }
    }

    func deletePrincipal(_ call: CallContext, _ bytes: [UInt8], _ responder: UnaryResponder) {
        respond(responder) { () throws(RPCStatus) in
            let message: PBDeletePrincipalRequest = try decode(bytes)
            let scope = try call.partnerScope()
            let principal = try principalID(message.principalID, field: "principal_id")
            change(.delete(principal), call: call, scope: scope, responder) { _ in PBDeletePrincipalResponse() }
        }
    }

    func createPartner(_ call: CallContext, _ bytes: [UInt8], _ responder: UnaryResponder) {
        respond(responder) { () throws(RPCStatus) in
            let message: PBCreatePartnerRequest = try decode(bytes)
            let grant = try call.operatorGrant()
            let partner = try partnerID(message.partnerID)
            let name = try checked { () throws(FieldError) in try FieldRules.name(message.name, "name") }
            guard !name.unicodeScalars.contains(where: \.isControl) else {
                throw Refusal.badField("name", "may not contain control characters")
            }
            let first = try record(message.principal, of: partner)
            // In the partner's own trail: its security team wants to see who gave whom the first access.
            let audit = context.auditEvent(of: call, partner: partner)
            context.submit(
                .createPartner(PartnerRecord(id: partner, name: name.isEmpty ? nil : name), first: first, grant), audit,
                responder, path: "principal"
            ) { made in
                var response = PBCreatePartnerResponse()
                response.partnerID = partner.text
                response.revision = made.revision.number
                if let admin = made.principal { response.principal = PBPrincipal(record: admin) }
                return response
            }
        }
    }

    func updatePartner(_ call: CallContext, _ bytes: [UInt8], _ responder: UnaryResponder) {
        respond(responder) { () throws(RPCStatus) in
            let message: PBUpdatePartnerRequest = try decode(bytes)
            let grant = try call.operatorGrant()
            let partner = try partnerID(message.partnerID)
            guard context.directory.snapshot.isRegistered(partner) else { throw Refusal.partnerNotFound }
            let disabled = try checked { () throws(FieldError) in
                guard message.hasDisabled else { throw FieldError("disabled", "is required") }
                return message.disabled
            }
            context.submit(
                .setPartner(partner, disabled: disabled, grant), context.auditEvent(of: call, partner: partner),
                responder, path: "partner"
            ) { _ in
                var response = PBUpdatePartnerResponse()
                response.partnerID = partner.text
                response.disabled = disabled
                return response
            }
        }
    }

    func explainAccess(_ call: CallContext, _ request: RawSpan, _ reply: inout [UInt8]) throws(RPCStatus) {
        let message: PBExplainAccessRequest = try decode(request)
        let scope = try call.partnerScope()
        let path = message.method.hasPrefix("/") ? message.method : "/" + message.method
        guard let method = MethodTable.method(path: path) ?? MethodTable.method(name: message.method) else {
            throw Refusal.badField("method", "is not a method of this server")
        }
        let roles: RoleSet
        var who = "somebody with these roles"
        switch (message.principalID.isEmpty, message.roles.isEmpty) {
        case (false, false):
            throw Refusal.badField("roles", "only one of principal_id and roles may be given")
        case (false, true):
            let id = try principalID(message.principalID, field: "principal_id")
            guard let record = context.directory.snapshot.principal(id, in: scope) else {
                throw Refusal.principalNotFound
            }
            who = "principal \(id)"
            guard !record.isDisabled else {
                return try encode(
                    explanation(method, allowed: false, "\(who) is disabled: refused like an unknown one"), into: &reply
                )
            }
            roles = record.roles
        case (true, _):
            roles = try roleSet(message.roles, field: "roles")
        }
        let allowed = AccessPolicy.permissions(of: roles).contains(method.permission)
        let names = roles.roles.map(\.title).joined(separator: ", ")
        let holding = names.isEmpty ? "no role" : names
        let rule =
            allowed
            ? "\(method.permission.name) is granted to \(who): \(holding)"
            : "\(method.permission.name) is granted to no role of \(who) (\(holding)): denied by default"
        try encode(explanation(method, allowed: allowed, rule), into: &reply)
    }

    /// Off the event loop: reading waits for the disk, and for a record that is just being made durable.
    func listAuditEvents(_ call: CallContext, _ bytes: [UInt8], _ responder: UnaryResponder) {
        respond(responder) { () throws(RPCStatus) in
            let message: PBListAuditEventsRequest = try decode(bytes)
            let scope = try call.partnerScope()
            let paging = try Paging(context, message, of: call)
            context.read(call, responder) { (reply) throws(RPCStatus) in
                try encode(auditEvents(in: scope, paging), into: &reply)
            }
        }
    }

    private func auditEvents(in scope: PartnerScope, _ paging: Paging) throws(RPCStatus) -> PBListAuditEventsResponse {
        let cursor = paging.position?.key.first.flatMap(Int64.init).map(AuditCursor.init(offset:))
        let page: AuditPage
        do {
            page = try context.auditLog.page(in: scope, from: cursor, limit: paging.size)
        } catch .badCursor {
            throw Refusal.badField("page_token", "is not a token of this list")
        } catch {
            throw Refusal.storeUnavailable
        }
        var response = PBListAuditEventsResponse()
        response.events = page.records.map(PBAuditEvent.init)
        response.totalSize = Int32(clamping: page.total)
        if let next = page.next { response.nextPageToken = paging.token(after: [String(next.offset)]) }
        return response
    }

    // MARK: Shared moves

    private func explanation(_ method: MethodDescription, allowed: Bool, _ rule: String) -> PBExplainAccessResponse {
        var response = PBExplainAccessResponse()
        response.decision = allowed ? .allowed : .denied
        response.permission = PBPermission(permission: method.permission)
        response.rule = rule
        response.sufficientRoles = AccessPolicy.roles(with: method.permission).map(PBRole.init(role:))
        return response
    }

    /// Audited, durable, then visible; answered by the writer.
    private func change<Response: Message & Sendable>(
        _ change: PrincipalChange, call: CallContext, scope: PartnerScope, _ responder: UnaryResponder,
        response: @escaping @Sendable (PrincipalRecord?) -> Response
    ) {
        guard let caller = call.record?.caller?.identity else {
            return responder.finish(.failure(Refusal.noPermissionDeclared))
        }
        context.submit(
            .principal(change, scope, by: caller), context.auditEvent(of: call), responder, path: "principal"
        ) { made in
            response(made.principal)
        }
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
