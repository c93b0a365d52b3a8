"""The token endpoint of the simulator of Graph: who an application is, and what it is told when it is not. Standard
library only; signatures are checked with nothing but `pow`."""

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path

from certificates import openssl

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Seconds that an assertion may be good for, and that clocks may differ.
LONGEST_ASSERTION = 600
CLOCK_SKEW = 5
# DigestInfo of SHA-256, as PKCS #1 puts it before the digest.
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
# RSA keys that openssl makes have this one.
PUBLIC_EXPONENT = 65537


class TokenError(Exception):
    """What the endpoint answers instead of a token."""

    def __init__(self, status, error, code, text):
        super().__init__(text)
        self.status = status
        self.error = error
        self.code = code
        self.text = text

    def body(self):
        now = datetime.now(timezone.utc)
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        description = (
            f"AADSTS{self.code}: {self.text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\n"
            f"Timestamp: {now:%Y-%m-%d %H:%M:%SZ}"
        )
        answer = {
            "error": self.error, "error_description": description, "error_codes": [self.code],
            "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}", "trace_id": trace, "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }  # fmt: skip
        return json.dumps(answer).encode()


def unknown_tenant(tenant):
    return TokenError(
        400, "invalid_request", 90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
    )  # fmt: skip


def not_admitted(client_id, name):
    return TokenError(
        400, "unauthorized_client", 700016,
        f"Application with identifier '{client_id}' was not found in the directory '{name}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
    )  # fmt: skip


def no_consent(client_id):
    return TokenError(
        400, "invalid_grant", 65001,
        f"The user or administrator has not consented to use the application with ID '{client_id}' named 'Insights "
        "sync'. Send an interactive authorization request for this user and resource.",
    )  # fmt: skip


class Application:
    """One registered application, with a secret or a certificate or both."""

    def __init__(self, client_id, secret=None, certificate=None):
        self.client_id = client_id
        self.secret = secret
        self._seen = set()
        self._lock = threading.Lock()
        # Assertions that came, so that tests can look where else they appear.
        self.assertions = []
        self.thumbprint = self.modulus = None
        if certificate:
            self.register(certificate)

    def register(self, certificate):
        """In place of the certificate before."""
        der = ssl.PEM_cert_to_DER_cert(Path(certificate).read_text())
        self.thumbprint = encoded(hashlib.sha256(der).digest())
        printed = openssl("x509", "-noout", "-modulus", "-in", certificate)
        self.modulus = int(printed.strip().partition("=")[2], 16)

    def check(self, form, token_url, scope):
        """Raises what is wrong with a request, whose form has one text for each name."""
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                text = f"The request body must contain the following parameter: '{name}'."
                raise TokenError(400, "invalid_request", 900144, text)
        if form["grant_type"] != "client_credentials":
            text = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise TokenError(400, "unsupported_grant_type", 70003, text)
        if form["client_id"].lower() != self.client_id:
            raise not_admitted(form["client_id"], token_url.split("/")[3])
        if form["scope"] != scope:
            raise TokenError(
                400, "invalid_scope", 1002012,
                f"The provided value for scope {form['scope']} is not valid. Client credential flows must have a scope "
                "value with /.default suffixed to the resource identifier (application ID URI).",
            )  # fmt: skip
        if "client_assertion" in form:
            self._check_assertion(form, token_url)
        elif "client_secret" in form:
            if not self.secret or not hmac.compare_digest(form["client_secret"], self.secret):
                raise TokenError(
                    401, "invalid_client", 7000215,
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                    f"value, not the client secret ID, for a secret added to app '{self.client_id}'.",
                )  # fmt: skip
        else:
            text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise TokenError(401, "invalid_client", 7000218, text)

    def _check_assertion(self, form, token_url):
        def refuse(code, text):
            raise TokenError(401, "invalid_client", code, text)

        if form.get("client_assertion_type") != ASSERTION_TYPE:
            refuse(7000218, "The request body must contain the following parameter: 'client_assertion_type'.")
        assertion = form["client_assertion"]
        self.assertions.append(assertion)
        try:
            signed, _, signature = assertion.rpartition(".")
            header, claims = (json.loads(decoded(part)) for part in signed.split("."))
            signature = decoded(signature)
        except ValueError:
            refuse(50027, "JWT token is invalid or malformed.")
        if header.get("typ") != "JWT" or header.get("alg") not in ("RS256", "PS256"):
            refuse(5002723, "Invalid JWT token. The header names an unsupported type or algorithm.")
        if self.thumbprint is None or header.get("x5t#S256") != self.thumbprint:
            text = "The certificate with identifier used to sign the client assertion is not registered on application."
            refuse(700027, text)
        is_good = signed_pkcs1 if header["alg"] == "RS256" else signed_pss
        if not is_good(self.modulus, signature, signed.encode()):
            refuse(700027, "Client assertion contains an invalid signature.")
        if claims.get("aud") != token_url:
            refuse(700023, "Client assertion audience claim does not match Realm issuer.")
        if claims.get("iss") != self.client_id or claims.get("sub") != self.client_id:
            refuse(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
        end, *starts = times = [claims.get(name) for name in ("exp", "nbf", "iat")]
        if end is None or any(not isinstance(value, int) for value in times if value is not None):
            refuse(5002730, "Invalid JWT token. The times are no whole numbers, or there is no exp.")
        now = time.time()
        begins = all(start <= now + CLOCK_SKEW for start in starts if start is not None)
        if not begins or not now < end <= now + LONGEST_ASSERTION + CLOCK_SKEW:
            refuse(700024, "Client assertion is not within its valid time range.")
        with self._lock:
            if not isinstance(claims.get("jti"), str) or not claims["jti"] or claims["jti"] in self._seen:
                refuse(700028, "Client assertion has no jti, or one that has been used.")
            self._seen.add(claims["jti"])


class Tokens:
    """The tokens that are out: opaque, each of one tenant."""

    # So that one is found wherever it appears.
    MARK = "kanarie-token-"

    def __init__(self, lifetime):
        # Seconds.
        self.lifetime = lifetime
        # Text → tenant id and end, in the seconds of the monotonic clock.
        self._out = {}
        # What was ever issued.
        self.issued = []

    def issue(self, tenant_id):
        token = self.MARK + secrets.token_urlsafe(200)
        self._out[token] = tenant_id, time.monotonic() + self.lifetime
        self.issued.append(token)
        return token

    def tenant(self, token):
        """Whose it is, even when it is over."""
        return self._out.get(token, (None,))[0]

    def is_good(self, token):
        return token in self._out and time.monotonic() < self._out[token][1]

    def revoke(self, token):
        if token in self._out:
            self._out[token] = self._out[token][0], 0.0


# Signatures


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)


def opened(modulus, signature):
    """What was signed, as long as the modulus."""
    size = (modulus.bit_length() + 7) // 8
    value = int.from_bytes(signature, "big")
    if len(signature) != size or value >= modulus:
        return None
    return pow(value, PUBLIC_EXPONENT, modulus).to_bytes(size, "big")


def signed_pkcs1(modulus, signature, message):
    block = opened(modulus, signature)
    if block is None:
        return False
    tail = b"\0" + SHA256_INFO + hashlib.sha256(message).digest()
    return block == b"\0\1" + b"\xff" * (len(block) - 2 - len(tail)) + tail


def signed_pss(modulus, signature, message, salt_size=32):
    """EMSA-PSS of RFC 8017 with SHA-256 and the salt that RFC 7518 asks for."""
    block = opened(modulus, signature)
    bits = modulus.bit_length() - 1
    if block is None:
        return False
    block = block[-((bits + 7) // 8) :]
    masked, digest, trailer = block[:-33], block[-33:-1], block[-1:]
    unused = 8 * len(block) - bits
    if trailer != b"\xbc" or masked[0] >> (8 - unused):
        return False
    mask = b"".join(hashlib.sha256(digest + n.to_bytes(4, "big")).digest() for n in range(len(masked) // 32 + 1))
    plain = bytearray(a ^ b for a, b in zip(masked, mask))
    plain[0] &= 0xFF >> unused
    zeros = len(plain) - salt_size - 1
    if any(plain[:zeros]) or plain[zeros] != 1:
        return False
    salted = b"\0" * 8 + hashlib.sha256(message).digest() + bytes(plain[zeros + 1 :])
    return hmac.compare_digest(hashlib.sha256(salted).digest(), digest)
