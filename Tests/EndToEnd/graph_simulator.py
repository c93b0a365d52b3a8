"""A simulator of the vendor's APIs that `insights sync` asks: token endpoint, Graph, and the place of the reports. Over
TLS, with faults as ordered. Standard library only: it is part of `make demo`.

    python3 graph_simulator.py --folder F [--customers 3 --users 20 --days 28]

makes certificates and a configuration F/sync.json, prints where it listens, and serves until SIGTERM.
"""

import argparse
import gzip
import json
import re
import secrets
import signal
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qsl

from certificates import Authority, Identity, openssl
from graph_faults import Script, Waits
from graph_http import Answer, Listener, PlainTrap, server_context
from graph_record import Record
from graph_tokens import Application, TokenError, Tokens, no_consent, not_admitted, unknown_tenant
from graph_world import OTHER_PARTNER_TENANT, rendered, sample_partner, sample_tenant, utc_today

CLIENT_ID = "7f0c5a9e-1b60-4a0c-9c1e-2a5d3f6b8e10"
TOKEN_PATH = re.compile(r"/([^/]+)/oauth2/v2\.0/token")
REPORT_PATH = re.compile(r"/v1\.0/reports/getOffice365ActiveUserDetail\(date=(\d{4}-\d\d-\d\d)\)")
LISTS = {
    "/v1.0/contracts": "contracts", "/v1.0/tenantRelationships/delegatedAdminCustomers": "delegatedAdminCustomers",
    "/v1.0/subscribedSkus": "subscribedSkus", "/v1.0/directory/subscriptions": "subscriptions", "/v1.0/users": "users",
}  # fmt: skip
SETTINGS_PATH = "/v1.0/admin/reportSettings"
DOWNLOAD_PATH = "/data/download/"
# Any of them will do.
PERMISSIONS = {
    "contracts": {"Directory.Read.All"}, "delegatedAdminCustomers": {"DelegatedAdminRelationship.Read.All"},
    "subscribedSkus": {"LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All"},
    "subscriptions": {"Organization.Read.All", "Directory.Read.All"}, "users": {"User.Read.All", "Directory.Read.All"},
    "reportSettings": {"ReportSettings.Read.All"}, "report": {"Reports.Read.All"},
}  # fmt: skip
# Objects on a page: as many as are asked for, up to the first number; when nobody says, the second. None: all on one.
PAGE_SIZES = {
    "contracts": (999, 100), "delegatedAdminCustomers": (300, 100), "users": (999, 100), "subscriptions": (999, None),
    "subscribedSkus": None,
}  # fmt: skip
# Without $select.
DEFAULT_PROPERTIES = {"users": ("id", "userPrincipalName", "displayName")}
# Reports reach back so many days.
REPORTED_DAYS = 30
NOT_KEPT = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
JSON_KIND = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sorry, something went wrong.</body></html>"


@dataclass
class Page:
    """Where a paging link leads: to the rest of a list."""

    kind: str
    tenant: str
    start: int
    size: int
    select: tuple
    endless: bool = False


@dataclass
class Link:
    """A download that is ready."""

    tenant: str
    day: date
    body: bytes
    signature: str
    until: float
    is_used: bool = False


class Simulator(Record):
    """Serves `partner` and `tenants` (by id). Everything public may be changed at any time."""

    def __init__(self, identity, tenants=(), partner=None, application=None, token_lifetime=3_599, port=0):
        self.tenants = {tenant.tenant_id: tenant for tenant in tenants}
        self.partner = partner or sample_partner(*tenants)
        self.tenants[self.partner.tenant.tenant_id] = self.partner.tenant
        self.application = application or Application(CLIENT_ID, "kanarie-secret-" + secrets.token_urlsafe(30))
        self.tokens = Tokens(token_lifetime)
        self.page_sizes = dict(PAGE_SIZES)
        # The settings of reports come inside of `value` by the documentation, and bare from some servers.
        self.settings_wrapped = True
        # A day without a report: 404, or the report of an earlier day.
        self.missing_report = "404"
        self.today = utc_today()
        self.script = Script()
        self._pages = {}
        self._links = {}
        self._stopped = threading.Event()
        super().__init__()
        context = server_context(identity.certificate, identity.key)
        self._plain = PlainTrap(lambda: self.violate("somebody came without TLS"))
        self._downloads = Listener("download", self._serve, context, self._stopped)
        self._api = Listener("api", self._serve, context, self._stopped, port)
        self.url = f"https://{self._api.host}"
        self.download_url = f"https://{self._downloads.host}"

    def stop(self):
        if not self._stopped.is_set():
            self._stopped.set()
            for listener in (self._api, self._downloads, self._plain):
                listener.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # What tests order and look at

    def fail(self, fault, on, tenant=None, times=1, after=0, **options):
        """Faults and their options are in graph_faults.py; `times=None` is for good."""
        return self.script.add(fault, on, getattr(tenant, "tenant_id", tenant), times, after, **options)

    def add(self, *tenants):
        """More customers of the partner."""
        for tenant in tenants:
            self.tenants[tenant.tenant_id] = tenant
            self.partner.take_on(tenant)

    def reset(self):
        """Forgets what came and what was to fail; tokens and links stay good."""
        super().reset()
        self.script.clear()
        self._waits = Waits()

    def secrets(self):
        """Every text that nobody may ever see."""
        signatures = [link.signature for link in list(self._links.values())]
        assertions = [text.rpartition(".")[2] for text in self.application.assertions]
        return [text for text in (self.application.secret, *self.tokens.issued, *signatures, *assertions) if text]

    # One request

    def _serve(self, connection, request):
        """False ends the connection."""
        token = self._classify(request)
        self.came(request)
        is_under_way = True

        def leave():
            nonlocal is_under_way
            if is_under_way:
                is_under_way = False
                self.went(request)

        try:
            self._check(request, token)
            fault = self.script.of(request)
            if fault and fault.name == "slow":
                self._stopped.wait(fault["seconds"])
            answer = self._instead(request, fault, token) or self._answer(request, token, fault)
            if request.kind in LISTS.values() and "gzip" in request.headers.get("accept-encoding", ""):
                answer.body = gzip.compress(answer.body, 1)
                answer.headers["Content-Encoding"] = "gzip"
            # Before the last byte: the next request may come as soon as that is there.
            leave()
            return self._deliver(connection, request, answer, fault)
        finally:
            leave()
            # A secret may be in it, and requests are kept.
            request.body = b""

    def _classify(self, request):
        """Says what is asked and whose it is, and returns the token that came."""
        authorization = request.take_authorization() or ""
        token = authorization.removeprefix("Bearer ") if authorization.startswith("Bearer ") else None
        path = request.path
        if request.origin == "download":
            link = self._links.get(path)
            request.kind = "download"
            if link:
                request.tenant, request.day = link.tenant, link.day
            if authorization:
                self.violate(f"a download came with an authorization: {path}")
            return token
        if match := TOKEN_PATH.fullmatch(path):
            request.kind, request.tenant = "token", match[1].lower()
            return token
        request.tenant = self.tokens.tenant(token)
        if match := REPORT_PATH.fullmatch(path):
            request.kind, request.day = "report", date.fromisoformat(match[1])
        else:
            request.kind = "reportSettings" if path == SETTINGS_PATH else LISTS.get(path, "other")
        return token

    def _check(self, request, token):
        """Notes what a good caller does not do."""
        listener = self._downloads if request.origin == "download" else self._api
        if request.headers.get("host") != listener.host:
            self.violate(f"another host was asked: {request.headers.get('host')}{request.path}")
        if request.kind == "other":
            self.violate(f"an unknown path was asked: {request.method} {request.path}")
        if request.method != ("POST" if request.kind == "token" else "GET"):
            self.violate(f"{request.method} {request.path}")
        if self.tokens.MARK in request.target or (self.application.secret or "\0") in request.target:
            self.violate(f"a secret is in a URL of kind {request.kind}")
        if early := self._waits.too_early(request):
            self.violate(f"{request.kind} was asked again {early:.1f} s before Retry-After was over")

    # Answers in the place of a good one

    def _instead(self, request, fault, token):
        name = fault.name if fault else None
        if name == "throttle":
            code = "TooManyRequests" if fault["code"] == 429 else "serviceNotAvailable"
            answer = self._error(request, fault["code"], code, "Please retry again later.")
            answer.headers |= self._waits.tell(fault, request)
            return answer
        if name == "status":
            usual = {403: "Authorization_RequestDenied", 404: "Request_ResourceNotFound"}
            code = fault["error"] or usual.get(fault["code"], "generalException")
            return self._error(request, fault["code"], code, fault["message"])
        if name == "expired_token":
            self.tokens.revoke(token)
            return self._unauthorized(request)
        if name == "no_consent":
            if request.kind == "token":
                return token_answer(no_consent(self.application.client_id))
            return self._denied(request)
        if name == "answer":
            body = fault["body"]
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers = {"Location": fault["location"]} if fault["location"] else {}
            return Answer(fault["code"], body, "application/json", headers)
        if name == "malformed" and fault["html"]:
            return Answer(200, HTML, "text/html; charset=utf-8")
        if name == "redirect_elsewhere":
            return Answer(302, headers={"Location": f"https://localhost:{self._api.port}{request.target}"})
        return None

    def _error(self, request, status, code, message):
        if request.kind == "download":
            return Answer(status, b"The download failed.", "text/plain")
        name = str(uuid.uuid4())
        stamp = datetime.now(timezone.utc).isoformat(timespec="seconds").removesuffix("+00:00")
        inner = {"date": stamp, "request-id": name, "client-request-id": name}
        body = json.dumps({"error": {"code": code, "message": message, "innerError": inner}}).encode()
        return Answer(status, body, "application/json", self._headers(name))

    def _unauthorized(self, request):
        answer = self._error(
            request, 401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."
        )
        answer.headers["WWW-Authenticate"] = f'Bearer realm="", authorization_uri="{self.url}/common/oauth2/authorize"'
        return answer

    def _denied(self, request):
        if request.kind == "report":
            return self._error(request, 403, "S2SUnauthorized", "Invalid permission.")
        message = "Insufficient privileges to complete the operation."
        return self._error(request, 403, "Authorization_RequestDenied", message)

    @staticmethod
    def _headers(name=None):
        name = name or str(uuid.uuid4())
        return {
            "Date": formatdate(usegmt=True), "Strict-Transport-Security": "max-age=31536000", "request-id": name,
            "client-request-id": name, "OData-Version": "4.0", "Cache-Control": "no-cache",
        }  # fmt: skip

    # Good answers

    def _answer(self, request, token, fault):
        if request.method != ("POST" if request.kind == "token" else "GET"):
            return self._error(request, 405, "Request_BadRequest", "Specified HTTP method is not allowed.")
        if request.kind == "token":
            return self._token(request)
        if request.kind == "download":
            return self._download(request, fault)
        if not self.tokens.is_good(token):
            return self._unauthorized(request)
        tenant = self.tenants.get(request.tenant)
        consented = tenant.consented if tenant else False
        if request.kind != "other" and consented is not True:
            if not consented or not PERMISSIONS[request.kind] & set(consented):
                return self._denied(request)
        if request.kind == "report":
            return self._report(request, tenant, fault)
        if request.kind == "reportSettings":
            return self._settings(tenant, fault)
        if request.kind == "other":
            return self._error(request, 400, "BadRequest", "Resource not found for the segment.")
        return self._list(request, tenant, fault)

    def _token(self, request):
        pairs = parse_qsl(request.body.decode("ascii", "replace"), keep_blank_values=True)
        tenant = self.tenants.get(request.tenant)
        try:
            if tenant is None:
                raise unknown_tenant(request.tenant)
            if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
                raise TokenError(400, "invalid_request", 900144, "The request body must be a form.")
            if request.raw_query or len(dict(pairs)) != len(pairs):
                self.violate("the token endpoint was asked with a query or with a name twice")
            self.application.check(dict(pairs), self.url + request.path, f"{self.url}/.default")
            if tenant.consented is False:
                raise not_admitted(self.application.client_id, tenant.name)
        except TokenError as error:
            return token_answer(error)
        lifetime = int(self.tokens.lifetime)
        fields = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime}
        body = json.dumps(fields | {"access_token": self.tokens.issue(request.tenant)}).encode()
        return Answer(200, body, "application/json; charset=utf-8", NOT_KEPT.copy())

    def _settings(self, tenant, fault):
        concealed = tenant.concealed or (fault is not None and fault.name == "concealed")
        inner = {"@odata.type": "#microsoft.graph.adminReportSettings", "displayConcealedNames": concealed}
        body = {"value": inner} if self.settings_wrapped else inner
        context = {"@odata.context": f"{self.url}/v1.0/$metadata#admin/reportSettings/$entity"}
        return self._json(context | body)

    def _json(self, value):
        # Lists of Graph come in chunks.
        return Answer(200, json.dumps(value).encode(), JSON_KIND, self._headers(), chunked=True)

    # Lists

    def _list(self, request, tenant, fault):
        page = self._pages.get(request.target)
        if page is None:
            if "skiptoken" in request.raw_query.lower():
                self.violate(f"a link to a next page was changed: {request.target}")
                message = "The specified page token value has expired."
                return self._error(request, 400, "Directory_ExpiredPageToken", message)
            page, problem = self._first_page(request)
            if problem:
                self.violate(f"{request.kind} was asked with {request.raw_query}: {problem}")
                return self._error(request, 400, "Request_BadRequest", problem)
        elif page.tenant != request.tenant:
            self.violate("a page was asked with the token of another tenant")
            return self._error(request, 400, "Request_BadRequest", "The page is of another tenant.")
        name = fault.name if fault else None
        rows = [] if page.endless else self._rows(tenant, page.kind)
        items = rows[page.start : page.start + page.size]
        if name == "people_change" and page.start:
            moved = rows[page.start - 1]
            items = [moved if fault["moved"] is None else moved | {"assignedLicenses": fault["moved"]}, *items]
        if page.select:
            items = [{name: row.get(name) for name in page.select} for row in items]
        value = {"@odata.context": f"{self.url}/v1.0/$metadata#{page.kind}"}
        if link := self._next(request, page, len(rows), name):
            value["@odata.nextLink"] = link
        return self._json(value | {"value": items})

    def _first_page(self, request):
        """The page, or what is wrong with the query."""
        query, sizes = request.query, self.page_sizes[request.kind]
        documented = PAGE_SIZES[request.kind]
        unknown = set(query) - ({"$select", "$top"} if documented else {"$select"})
        if unknown or len(query) != request.raw_query.count("="):
            return None, f"the query is not supported: {', '.join(sorted(unknown))}"
        top = query.get("$top")
        if top is not None and not (top.isdigit() and 1 <= int(top) <= documented[0]):
            return None, f"Invalid page size specified: '{top}'. Must be between 1 and {documented[0]} inclusive."
        # A test may say one number for both.
        most, usual = sizes if isinstance(sizes, tuple) else (sizes, sizes)
        size = min(int(top), most) if top else usual
        select = tuple(query["$select"].split(",")) if "$select" in query else DEFAULT_PROPERTIES.get(request.kind, ())
        return Page(request.kind, request.tenant, 0, size or 1 << 60, select), None

    def _rows(self, tenant, kind):
        if kind in ("contracts", "delegatedAdminCustomers"):
            if tenant is not self.partner.tenant:
                return []
            return self.partner.contracts if kind == "contracts" else self.partner.delegated_admin_customers
        return {"subscribedSkus": tenant.skus, "subscriptions": tenant.subscriptions, "users": tenant.users}[kind]

    def _next(self, request, page, count, fault):
        """The link to the page after this one, or None."""
        if fault == "loop_paging":
            return self.url + request.target
        endless = page.endless or fault == "endless_paging"
        wrong = fault in ("foreign_page", "plain_page")
        if page.start + page.size >= count and not endless and not wrong:
            return None
        # Opaque, with characters that a caller must not write in another way.
        token = f"m~{secrets.token_urlsafe(12)}%2b%3A{page.start}%3d"
        path = request.target.partition("?")[0]
        target = f"{path}?$top={min(page.size, 999)}&%24skiptoken={token}"
        self._pages[target] = Page(page.kind, page.tenant, page.start + page.size, page.size, page.select, endless)
        if fault == "foreign_page":
            return f"https://localhost:{self._api.port}{target}"
        if fault == "plain_page":
            return f"http://127.0.0.1:{self._plain.port}{target}"
        return self.url + target

    # Reports

    def _report(self, request, tenant, fault):
        name = fault.name if fault else None
        if not self.today - timedelta(REPORTED_DAYS) <= request.day <= self.today or request.raw_query:
            message = "Invalid date value specified. The date must be within the past 30 days."
            return self._error(request, 400, "BadRequest", message)
        day = request.day - timedelta(name == "report_of_day_before")
        body = rendered([]) if name == "empty_report" else tenant.report(day, name == "concealed")
        while body is None and self.missing_report == "earlier" and day > self.today - timedelta(REPORTED_DAYS):
            day -= timedelta(1)
            body = tenant.report(day)
        if body is None:
            return self._error(request, 404, "ResourceNotFound", "The report of that day is not available.")
        path, signature = DOWNLOAD_PATH + secrets.token_urlsafe(12), "kanarie-signature-" + secrets.token_urlsafe(24)
        until = time.monotonic() + 300
        self._links[path] = Link(request.tenant, request.day, body, signature, until)
        location = f"{self.download_url}{path}?se={int(time.time()) + 300}&sig={signature}"
        if name == "redirect_plain":
            location = f"http://127.0.0.1:{self._plain.port}{path}?sig={signature}"
        return Answer(302, b"", "text/plain", self._headers() | {"Location": location})

    def _download(self, request, fault):
        link = self._links.get(request.path)
        if link is None or request.query.get("sig") != link.signature:
            self.violate(f"a download was asked that nobody was led to: {request.path}")
            return self._error(request, 403, "", "")
        # Signed anew for each: a whole answer ends it, a broken one may be asked for again.
        if link.is_used or time.monotonic() > link.until:
            self.violate(f"a download was asked for again: {request.path}")
            return self._error(request, 410, "", "")
        link.is_used = fault is None or fault.name == "slow"
        body = link.body
        if link.is_used:
            # Thousands of them are never asked for again.
            link.body = b""
        return Answer(200, body, "application/octet-stream", self._headers())

    # On the wire

    def _deliver(self, connection, request, answer, fault):
        """Sends the answer, or what the fault leaves of it. False ends the connection."""
        name = fault.name if fault else None
        if name == "malformed" and not fault["html"]:
            answer.body = unreadable(request.kind, answer.body)
        elif name == "cut_before_head":
            connection.cut(b"", fault["reset"])
            return False
        elif name == "cut":
            answer.chunked = answer.chunked if fault["chunked"] is None else fault["chunked"]
            connection.cut(broken_off(answer, fault["part"]), fault["reset"])
            return False
        elif name == "stall":
            connection.stall(broken_off(answer, fault["part"]))
            return False
        elif name == "huge":
            answer.chunked = fault["chunked"]
            answer.headers.pop("Content-Encoding", None)
            filler, start = (b"\n", rendered([])) if request.kind == "download" else (b" ", b'{"value":[')
            connection.pour(answer, fault["bytes"], filler, start)
            return True
        connection.send(answer.whole())
        return True

    # For callers

    def write_config(
        self, folder, authority, customers="contracts", identity=None, partner_id="contoso-reseller", **changes
    ):
        """A folder with the configuration of `insights sync` for this simulator; its path. With `identity` the
        certificate of that in place of the secret; `changes` replace whole members."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        secret_file, certificate, key = "secret", None, None
        if identity:
            secret_file, certificate, key = None, str(identity.certificate), str(identity.key)
        else:
            secret = folder / "secret"
            secret.touch(mode=0o600)
            secret.chmod(0o600)
            # As editors leave it.
            secret.write_text(self.application.secret + "\n")
        (folder / "graph-ca.pem").write_text(Path(authority).read_text())
        config = {
            "partner": {"partner_id": partner_id, "tenant_id": self.partner.tenant.tenant_id},
            "application": {
                "client_id": self.application.client_id, "client_secret_file": secret_file, "certificate": certificate,
                "key": key,
            },
            "endpoints": {"login": self.url, "graph": self.url, "ca": "graph-ca.pem"},
            "customers": customers,
            "partner_tenants": {OTHER_PARTNER_TENANT: "fabrikam-cloud"},
        }  # fmt: skip
        path = folder / "sync.json"
        path.write_text(json.dumps(config | changes, indent=2) + "\n")
        return path


def token_answer(error):
    return Answer(error.status, error.body(), "application/json; charset=utf-8", NOT_KEPT.copy())


def broken_off(answer, part):
    """The head and so much of a body that was to be longer; of an answer without a body, so much of its head."""
    whole = answer.whole()
    start = whole.index(b"\r\n\r\n") + 4 if answer.body else 0
    # Never all of it, however short it is.
    return whole[: start + min(int((len(whole) - start) * part), len(whole) - start - 1)]


def unreadable(kind, body):
    """A report with a day that is none, or JSON that ends early."""
    if kind != "download":
        return body[: max(1, len(body) * 2 // 3)]
    lines = body.split(b"\n")
    lines.insert(len(lines) // 2, b"yesterday" + b"," * lines[0].count(b","))
    return b"\n".join(lines)


def rsa_identity(folder, name="application"):
    """A key and a certificate of its own, as an application registers it."""
    folder = Path(folder)
    identity = Identity(folder / f"{name}.pem", folder / f"{name}.key")
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 30, "-subj", f"/CN={name}",
        "-keyout", identity.key, "-out", identity.certificate,
    )  # fmt: skip
    identity.key.chmod(0o600)
    return identity


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="where certificates and sync.json go")
    parser.add_argument("--customers", type=int, default=3)
    parser.add_argument("--users", type=int, default=20, help="of each customer")
    parser.add_argument("--days", type=int, default=28, help="days with a report")
    parser.add_argument("--partner-id", default="contoso-reseller")
    parser.add_argument("--port", type=int, default=0, help="0 is a free one")
    options = parser.parse_args()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    # A number of its own, so that a folder may be used again.
    authority = Authority(options.folder / f"authority-{secrets.token_hex(4)}", "simulator of Graph")
    tenants = [sample_tenant(index, options.users, days=options.days) for index in range(options.customers)]
    with Simulator(authority.server(), tenants, port=options.port) as simulator:
        simulator.keeps_requests = False
        config = simulator.write_config(options.folder, authority.certificate, partner_id=options.partner_id)
        print(f"ready api={simulator.url} download={simulator.download_url} config={config}", flush=True)
        over.wait()


if __name__ == "__main__":
    main()
