"""The provider's side of the authorization code flow, as strict as the texts allow.

- https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
- https://www.rfc-editor.org/rfc/rfc7636#section-4 (S256 alone)
- https://www.rfc-editor.org/rfc/rfc9700#section-2.1: redirect URIs are compared as
  texts, and a code is good once; a second use is `invalid_grant`.
- https://openid.net/specs/openid-connect-rpinitiated-1_0.html: whoever shows no
  `id_token_hint` is asked, and is led to a registered address only.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote_plus, urlencode

from aiohttp import web

CODE_LIFE = 60
FORM = """<!doctype html><html lang="en"><title>Provider</title>
<link rel="icon" href="data:,"><h1>Provider</h1>
<form method="post"><label>User <input name="user" autofocus></label>
<button name="answer" value="yes">Log in</button>
<button name="answer" value="no">Cancel</button></form>"""
LOG_OUT = """<!doctype html><html lang="en"><title>Provider</title>
<link rel="icon" href="data:,"><h1>Do you want to log out?</h1>
<form method="post"><button>Log out</button></form>"""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a code stands for."""

    user: str
    redirect_uri: str
    nonce: str
    challenge: str
    expires_at: float


class Authorization:
    """Asks who somebody is, and gives codes and ID tokens."""

    def __init__(self, issuer: str, sign: Callable[[dict[str, Any]], str]) -> None:
        self.issuer = issuer
        self.sign = sign
        self.client: dict[str, Any] = {}
        """What a test registered: `id`, `secret`, `redirect_uri`, `signed_out_uri`."""
        self.claims: dict[str, Any] = {}
        """What a test changes in the next ID tokens; None leaves a claim out."""
        self.code_life = CODE_LIFE
        self._grants: dict[str, Grant] = {}

    def obey(self, order: Mapping[str, Any]) -> None:
        self.client = order.get("client", self.client)
        self.claims = order.get("id_token", self.claims)
        self.code_life = order.get("code_life", self.code_life)

    async def show(self, request: web.Request) -> web.Response:
        """Ask for the user; a wrong request is refused here, and leads nowhere."""
        self._check(request.query)
        return web.Response(text=FORM, content_type="text/html")

    async def answer(self, request: web.Request) -> web.Response:
        """Lead back with a code."""
        query, form = request.query, await request.post()
        self._check(query)
        sent = {"state": query["state"], "iss": self.issuer}
        if form["answer"] == "no":
            return _lead(query["redirect_uri"], sent | {"error": "access_denied"})
        code = secrets.token_urlsafe(24)
        self._grants[code] = Grant(
            user=cast("str", form["user"]),
            redirect_uri=query["redirect_uri"],
            nonce=query["nonce"],
            challenge=query["code_challenge"],
            expires_at=time.time() + self.code_life,
        )
        return _lead(query["redirect_uri"], sent | {"code": code})

    def _check(self, query: Mapping[str, str]) -> None:
        expected = {
            "response_type": "code",
            "client_id": self.client["id"],
            "redirect_uri": self.client["redirect_uri"],
            "code_challenge_method": "S256",
        }
        wrong = [name for name in expected if query.get(name) != expected[name]]
        short = [name for name in ("state", "nonce") if len(query.get(name, "")) < 22]
        is_challenge = len(query.get("code_challenge", "")) == 43
        if wrong or short or not is_challenge or "openid" not in query["scope"].split():
            raise web.HTTPBadRequest(text=f"refused: {wrong} {short} {dict(query)}")

    async def exchange(self, request: web.Request) -> web.Response:
        """Give an ID token for a code."""
        form = await request.post()
        if not self._is_client(request, form):
            return _error("invalid_client", status=401)
        code = str(form.get("code", ""))
        grant = self._grants.pop(code, None)
        if (
            form.get("grant_type") != "authorization_code"
            or grant is None
            or grant.expires_at < time.time()
            or form.get("redirect_uri") != grant.redirect_uri
            or _digest(str(form.get("code_verifier", ""))) != grant.challenge
        ):
            return _error("invalid_grant")
        return web.json_response(
            {
                "access_token": secrets.token_urlsafe(24),
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": self.sign(self._claims(grant)),
            },
            headers={"Cache-Control": "no-store"},
        )

    async def confirm(self, request: web.Request) -> web.Response:
        """Ask whether somebody wants to log out."""
        self._check_log_out(request.query)
        return web.Response(text=LOG_OUT, content_type="text/html")

    async def end(self, request: web.Request) -> web.Response:
        """Lead back to whoever sent somebody here to log out."""
        self._check_log_out(request.query)
        return _lead(request.query["post_logout_redirect_uri"], {})

    def _check_log_out(self, query: Mapping[str, str]) -> None:
        expected = {
            "client_id": self.client["id"],
            "post_logout_redirect_uri": self.client["signed_out_uri"],
        }
        if dict(query) != expected:
            raise web.HTTPBadRequest(text=f"refused: {dict(query)}")

    def _is_client(self, request: web.Request, form: Mapping[str, Any]) -> bool:
        if self.client["secret"] is None:
            return bool(form.get("client_id") == self.client["id"])
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic" or "client_secret" in form:
            return False
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
        pair = unquote_plus(name), unquote_plus(secret)
        return pair == (self.client["id"], self.client["secret"])

    def _claims(self, grant: Grant) -> dict[str, Any]:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.client["id"],
            "sub": f"{grant.user}-1",
            "preferred_username": grant.user,
            "nonce": grant.nonce,
            "iat": now,
            "exp": now + 300,
        }
        changed = claims | self.claims
        return {name: value for name, value in changed.items() if value is not None}


def _lead(url: str, query: Mapping[str, str]) -> web.Response:
    # https://www.rfc-editor.org/rfc/rfc9700#section-4.12
    where = f"{url}?{urlencode(query)}" if query else url
    return web.Response(status=303, headers={"Location": where})


def _error(code: str, *, status: int = 400) -> web.Response:
    return web.json_response({"error": code}, status=status)


def _digest(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
