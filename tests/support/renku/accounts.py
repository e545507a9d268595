"""Who calls the stand-in of Renku, and how they get tokens of its Keycloak."""

import asyncio
import secrets
from dataclasses import dataclass, field

from aiohttp import web

TOKEN_PATH = "/auth/realms/Renku/protocol/openid-connect/token"
CLIENT = "relaunch"
CLIENT_SECRET = "client-secret"


@dataclass(slots=True)
class Accounts:
    """Access tokens that are valid, and refresh tokens that may be used once."""

    valid: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    issued: int = 0
    """How many access tokens were got."""
    expires_in: int = 300
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared, what is given stays on its way."""
    given: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a token was given."""

    def __post_init__(self) -> None:
        self.answers.set()

    def new_access(self) -> str:
        token = f"access-{secrets.token_hex(8)}"
        self.valid.add(token)
        return token

    def new_refresh(self) -> str:
        token = f"refresh-{secrets.token_hex(8)}"
        self.refresh.add(token)
        return token

    def knows(self, request: web.Request) -> bool:
        """Say whether a request is of the account.

        A token that is invalid or has expired leaves it anonymous instead of refusing
        it: RDS, `authn/keycloak.py`.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and token in self.valid

    async def give(self, request: web.Request) -> web.Response:
        """https://www.rfc-editor.org/rfc/rfc6749#section-5 , as Keycloak has it."""
        form = await request.post()
        if form.get("client_id") != CLIENT:
            return web.json_response({"error": "invalid_client"}, status=401)
        answer = {"token_type": "Bearer", "expires_in": self.expires_in}
        if form.get("grant_type") == "client_credentials":
            if form.get("client_secret") != CLIENT_SECRET:
                return web.json_response({"error": "unauthorized_client"}, status=401)
        elif form.get("grant_type") == "refresh_token":
            given = str(form.get("refresh_token"))
            if given not in self.refresh:
                return web.json_response(
                    {"error": "invalid_grant", "error_description": "Token not active"},
                    status=400,
                )
            # "Revoke Refresh Token": each one works once.
            self.refresh.discard(given)
            answer["refresh_token"] = self.new_refresh()
        else:
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        self.issued += 1
        self.given.set()
        await self.answers.wait()
        return web.json_response({**answer, "access_token": self.new_access()})
