"""The OpenID provider of the demo: signs in whoever follows a link that works once, and nobody else.

    provider.py FOLDER CERTIFICATE KEY HOME CLIENT TENANT

It listens on 127.0.0.1, writes `issuer.json` for `--token-issuer` into FOLDER, and prints `ready issuer=… link=…`. HOME is
where the server is found. The authorization code flow with PKCE S256; tokens are signed by the `openssl` command.
"""

import base64
import hashlib
import hmac
import http.cookies
import http.server
import json
import pathlib
import secrets
import ssl
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlencode, urlsplit

PERSON = {"sub": "newcomer", "roles": ["UserManagementAdmin", "AdminAgent", "SalesAgent"]}
COOKIE = "demo-provider"
# Seconds that a code counts, and a form's most bytes.
CODE_SECONDS, FORM_BYTES = 60, 8_192


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Provider:
    def __init__(self, folder, home, client, tenant):
        self.home, self.client, self.tenant = home, client, tenant
        self.key = folder / "provider.key"
        self.start, self.session, self.codes = secrets.token_urlsafe(16), secrets.token_urlsafe(32), {}
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, stderr=subprocess.DEVNULL)
        told = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True)
        modulus = bytes.fromhex(told.stdout.decode().strip().removeprefix("Modulus="))
        self.jwk = {"kty": "RSA", "kid": "demo", "use": "sig", "alg": "RS256", "n": b64(modulus), "e": "AQAB"}

    def metadata(self):
        return {
            "issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/token", "jwks_uri": self.issuer + "/keys",
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
        }  # fmt: skip

    def authorize(self, asked, is_known):
        """Where the browser goes; None for a request that is not the server's."""
        redirect = self.home + "/login/callback"
        if (asked.get("client_id"), asked.get("redirect_uri")) != (self.client, redirect):
            return None
        answer = {"state": asked.get("state", "")}
        if not is_known or asked.get("code_challenge_method") != "S256":
            answer["error"] = "login_required" if not is_known else "invalid_request"
        else:
            answer["code"] = code = secrets.token_urlsafe(32)
            self.codes[code] = (time.time(), asked.get("nonce", ""), asked.get("code_challenge", ""))
        return redirect + "?" + urlencode(answer)

    def token(self, form):
        began, nonce, challenge = self.codes.pop(form.get("code", ""), (0, "", ""))
        proof = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if time.time() > began + CODE_SECONDS or not hmac.compare_digest(proof, challenge):
            return None
        now = int(time.time())
        claims = PERSON | {"iss": self.issuer, "aud": self.client, "tid": self.tenant, "nonce": nonce, "iat": now, "exp": now + 300}
        signed = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "demo", "typ": "JWT"}, claims))
        words = ["openssl", "dgst", "-sha256", "-sign", self.key]
        signature = subprocess.run(words, input=signed.encode(), check=True, capture_output=True).stdout
        return {"id_token": f"{signed}.{b64(signature)}", "token_type": "Bearer", "access_token": "none", "expires_in": 300}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        provider = self.server.provider
        cookie = http.cookies.SimpleCookie(self.headers.get("cookie", "")).get(COOKIE)
        is_known = cookie is not None and hmac.compare_digest(cookie.value, provider.session)
        if parts.path == "/.well-known/openid-configuration":
            self.answer(200, provider.metadata())
        elif parts.path == "/keys":
            self.answer(200, {"keys": [provider.jwk]})
        elif parts.path == "/authorize" and (place := provider.authorize(asked, is_known)):
            self.move(place)
        elif provider.start and parts.path == "/start/" + provider.start:
            provider.start = None
            self.move(provider.home + "/login", f"{COOKIE}={provider.session}; Path=/; Secure; HttpOnly; SameSite=Lax")
        else:
            self.answer(404, {"error": "not here, or no longer: the link of the demo works once"})

    def do_POST(self):
        length = int(self.headers.get("content-length", "0"))
        form = {}
        if length <= FORM_BYTES:
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode("ascii", "replace")).items()}
        answer = self.server.provider.token(form) if self.path == "/token" else None
        self.answer(200 if answer else 400, answer or {"error": "invalid_grant"})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (("content-type", "application/json"), ("content-length", len(body)), ("cache-control", "no-store")):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def move(self, place, cookie=None):
        self.send_response(303)
        for name, value in (("location", place), ("content-length", "0"), ("set-cookie", cookie)):
            if value:
                self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    folder, certificate, key, home, client, tenant = sys.argv[1:7]
    folder = pathlib.Path(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.provider = provider = Provider(folder, home, client, tenant)
    provider.issuer = f"https://localhost:{server.server_address[1]}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # A peer that does not go on keeps nobody else waiting: the handshake is the thread's of its connection.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    (folder / "issuer.json").write_text(json.dumps({
        "issuer": provider.issuer, "audience": "https://insights.demo/api", "jwks": provider.issuer + "/keys",
        "partners": {tenant: "contoso-reseller"}, "login": {"client_id": client},
    }, indent=2))  # fmt: skip
    print(f"ready issuer={provider.issuer} link={provider.issuer}/start/{provider.start}", flush=True)
    server.serve_forever()


main()
