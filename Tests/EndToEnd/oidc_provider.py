"""An OpenID provider over HTTPS, made of Authlib: the code flow with PKCE S256 enforced, ID tokens with `tid` and `roles`.

    provider.person = dict(sub="ann", tid=…, roles=[…])   who is signed in there; None: it would have to ask
    provider.forge = lambda token: …                      what becomes of a ready ID token
    provider.named = …                                    what the metadata call it, where that is not its address
"""

import ssl
import threading
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from authlib.oidc.core.models import AuthorizationCodeMixin
from flask import Flask
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "insights-web", "s3cret/with:signs"


class Client(ClientMixin):
    def __init__(self, redirect, is_public):
        self.redirect, self.is_public = redirect, is_public

    def get_client_id(self):
        return CLIENT

    def get_default_redirect_uri(self):
        return self.redirect

    def get_allowed_scope(self, scope):
        return " ".join(word for word in (scope or "").split() if word in ("openid", "profile"))

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.redirect

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == ("none" if self.is_public else "client_secret_basic")

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


class Code(AuthorizationCodeMixin):
    def __init__(self, code, asked, person):
        self.code, self.person, self.begun = code, person, int(time.time())
        self.redirect_uri, self.scope = asked.payload.redirect_uri, asked.scope
        self.nonce = asked.payload.data.get("nonce")
        self.code_challenge = asked.payload.data.get("code_challenge")
        self.code_challenge_method = asked.payload.data.get("code_challenge_method")

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return self.begun


class Challenge(CodeChallenge):
    """S256 alone, and never without."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant, redirect_uri):
        if not grant.request.payload.data.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge'")
        super().validate_code_challenge(grant, redirect_uri)


class Provider:
    def __init__(self, identity, redirect, is_public=False, path=""):
        self.person, self.forge, self.named = None, lambda token: token, None
        self.codes = {}
        self.key = RSAKey.generate_key(2048, {"kid": "provider-1", "use": "sig"})
        client = Client(redirect, is_public)
        app = Flask("provider")
        server = AuthorizationServer(app, lambda name: client if name == CLIENT else None, lambda token, asked: None)
        server.register_grant(self._grant(), [Challenge(required=True), self._id_tokens()])
        self._routes(app, server, path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(identity.certificate), str(identity.key))
        self._server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
        self.issuer = f"https://127.0.0.1:{self._server.server_port}{path}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def issuer_file(self, partners, **login):
        """What insightsd is to know."""
        return {
            "issuer": self.issuer, "audience": "api://insights", "jwks": f"{self.issuer}/keys", "partners": partners,
            "login": {"client_id": CLIENT} | login,
        }  # fmt: skip

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def _grant(outer):
        class Grant(AuthorizationCodeGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "none"]

            def save_authorization_code(self, code, asked):
                outer.codes[code] = Code(code, asked, asked.user)

            def query_authorization_code(self, code, client):
                return outer.codes.get(code)

            def delete_authorization_code(self, authorization_code):
                del outer.codes[authorization_code.code]

            def authenticate_user(self, authorization_code):
                return authorization_code.person

        return Grant

    def _id_tokens(outer):
        class Tokens(OpenIDCode):
            def resolve_client_private_key(self, client):
                return outer.key

            def get_client_algorithm(self, client):
                return "RS256"

            def get_encode_header(self, client):
                return {"alg": "RS256", "kid": outer.key.kid}

            def get_client_claims(self, client):
                return {"iss": outer.issuer}

            def exists_nonce(self, nonce, asked):
                return False

            def generate_user_info(self, user, scope):
                return UserInfo(**user)

            def encode_id_token(self, token, asked):
                return outer.forge(super().encode_id_token(token, asked))

        return Tokens(require_nonce=True)

    def _routes(self, app, server, path):
        @app.get(f"{path}/.well-known/openid-configuration")
        def configuration():
            return {
                "issuer": self.named or self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                "end_session_endpoint": f"{self.issuer}/end", "code_challenge_methods_supported": ["S256"],
                "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["RS256"],
                "subject_types_supported": ["public"],
            }  # fmt: skip

        @app.get(f"{path}/keys")
        def keys():
            return {"keys": [self.key.as_dict(private=False)]}

        @app.get(f"{path}/authorize")
        def authorize():
            try:
                grant = server.get_consent_grant(end_user=self.person)
            except OAuth2Error as error:
                return server.handle_error_response(server.create_oauth2_request(None), error)
            if self.person is None:
                return "Who are you?"
            return server.create_authorization_response(grant_user=self.person, grant=grant)

        @app.post(f"{path}/token")
        def token():
            return server.create_token_response()
