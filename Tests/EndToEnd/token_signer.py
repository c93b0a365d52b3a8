"""Bearer tokens of an issuer, signed by openssl."""

import base64
import json
import subprocess
import time

from certificates import openssl

ISSUER = "https://issuer.example/v2.0"
AUDIENCE = "api://insights"
TENANT = "2f9c0a4e-4e6b-4a1e-9d3e-6f1f0f3f5a10"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(value):
    """A part of a token: text as it is, anything else as JSON."""
    return b64((value if isinstance(value, str) else json.dumps(value)).encode())


class Signer:
    """One RSA key. Tokens are good but for what the caller changes; a claim of `None` is left out."""

    def __init__(self, folder, key_id, **claims):
        self.key_id = key_id
        self.claims = claims
        self.key = folder / f"{key_id}.key"
        openssl("genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key)

    def jwk(self):
        """Without `alg`, as some providers publish their keys."""
        modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").strip().partition("=")[2]
        return {"kty": "RSA", "use": "sig", "kid": self.key_id, "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}

    def sign(self, text, digest="sha256", padding="pkcs1"):
        command = ["openssl", "dgst", f"-{digest}", "-sign", str(self.key), "-sigopt", f"rsa_padding_mode:{padding}"]
        return subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout

    def payload(self, **claims):
        now = int(time.time())
        payload = {
            "iss": ISSUER, "aud": AUDIENCE, "nbf": now - 7_200, "iat": now - 7_200, "exp": now + 600, "tid": TENANT,
            "sub": "user-7", "oid": "user-7", "roles": ["SalesAgent"],
        } | self.claims | claims  # fmt: skip
        return {name: value for name, value in payload.items() if value is not None}

    def head(self, header=()):
        return {"alg": "RS256", "typ": "JWT", "kid": self.key_id} | dict(header)

    def token(self, header=(), sign=True, **claims):
        """`sign` may be a ready signature."""
        text = segment(self.head(header)) + "." + segment(self.payload(**claims))
        return text + "." + (b64(self.sign(text)) if sign is True else sign)

    def signed(self, head, payload, **how):
        """Head and payload as they are, under a signature that fits them."""
        text = segment(head) + "." + segment(payload)
        return text + "." + b64(self.sign(text, **how))


class CurveSigner(Signer):
    """One P-256 key."""

    def __init__(self, folder, key_id, **claims):
        self.key_id = key_id
        self.claims = claims
        self.key = folder / f"{key_id}.key"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)

    def jwk(self):
        der = subprocess.run(
            ["openssl", "ec", "-in", str(self.key), "-pubout", "-outform", "DER"], capture_output=True, check=True
        ).stdout
        return {"kty": "EC", "crv": "P-256", "kid": self.key_id, "x": b64(der[-64:-32]), "y": b64(der[-32:])}

    def head(self, header=()):
        return super().head({"alg": "ES256"} | dict(header))

    def sign(self, text, digest="sha256", raw=True):
        der = subprocess.run(
            ["openssl", "dgst", f"-{digest}", "-sign", str(self.key)], input=text.encode(), capture_output=True, check=True
        ).stdout
        if not raw:
            return der
        # SEQUENCE { INTEGER r, INTEGER s }
        size = der[3]
        numbers = der[4 : 4 + size], der[6 + size :]
        return b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in numbers)
