"""An OpenID provider in a process of its own: discovery, keys, and signed tokens.

Stricter than most: it answers its own paths only, counts what it is asked, and signs
whatever a test orders, wrong things too. Its documents have the members that
https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata and
https://www.rfc-editor.org/rfc/rfc7517#section-4 require, and its key set keeps what
Keycloak's has beside the signing key: one for encryption (`use` is `enc`).

    python -m tests.support.oidc.server PORT
"""

import asyncio
import json
import sys
from collections import Counter
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.support.oidc.authorization import CODE_LIFE, Authorization

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/certs"


class Provider:
    """Holds keys, newest last, and what a test has changed."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.keys: dict[str, Any] = {}
        self.published: list[str] = []
        self.asked: Counter[str] = Counter()
        self.faults: dict[str, Any] = {}
        self.add_key("RS256", "first")
        self.authorization = Authorization(
            issuer, lambda claims: _sign(self, {"claims": claims})
        )

    def obey(self, order: dict[str, Any]) -> None:
        if "reset" in order:
            self.reset()
        if "add_key" in order:
            self.add_key(*order["add_key"])
        if "withdraw" in order:
            self.published.remove(order["withdraw"])
        if "faults" in order:
            self.faults = order["faults"]
        self.authorization.obey(order)

    def reset(self) -> None:
        self.keys = {"first": self.keys["first"]}
        self.published = ["first"]
        self.asked.clear()
        self.faults = {}
        self.authorization.claims = {}
        self.authorization.code_life = CODE_LIFE

    def add_key(self, algorithm: str, name: str) -> None:
        if algorithm.startswith(("RS", "PS")):
            key: Any = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        elif algorithm == "EdDSA":
            key = ed25519.Ed25519PrivateKey.generate()
        else:
            key = ec.generate_private_key(ec.SECP256R1())
        self.keys[name] = (algorithm, key)
        self.published.append(name)

    def discovery(self) -> dict[str, Any]:
        absent = self.faults.get("lacks", ())
        found = {
            "issuer": self.faults.get("issuer", self.issuer),
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "end_session_endpoint": f"{self.issuer}/logout",
            "jwks_uri": self.faults.get("jwks_uri", f"{self.issuer}{KEYS}"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        }
        return {name: value for name, value in found.items() if name not in absent}

    def key_set(self) -> dict[str, Any]:
        entries = [self._entry(name) for name in self.published]
        encryption = self._entry("first") | {"kid": "encryption", "use": "enc"}
        extra = self.faults.get("keys", [])
        return {"keys": [*entries, encryption, *extra]}

    def _entry(self, name: str) -> dict[str, Any]:
        algorithm, key = self.keys[name]
        made: Any = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())
        read: dict[str, Any] = json.loads(made)
        return read | {"kid": name, "use": "sig", "alg": algorithm}


async def serve(port: int) -> None:
    provider = Provider(f"http://127.0.0.1:{port}/realms/tests")
    app = web.Application()

    def answer(path: str, document: Any) -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            del request
            provider.asked[path] += 1
            if "status" in provider.faults:
                return web.Response(status=provider.faults["status"])
            if "silence" in provider.faults:
                await asyncio.sleep(provider.faults["silence"])
            if "body" in provider.faults:
                return web.Response(text=provider.faults["body"])
            return web.json_response(document())

        app.router.add_get(f"/realms/tests{path}", handle)

    answer(DISCOVERY, provider.discovery)
    answer(KEYS, provider.key_set)

    realm = "/realms/tests"
    app.router.add_get(f"{realm}/auth", provider.authorization.show)
    app.router.add_post(f"{realm}/auth", provider.authorization.answer)
    app.router.add_get(f"{realm}/logout", provider.authorization.confirm)
    app.router.add_post(f"{realm}/logout", provider.authorization.end)
    app.router.add_post(f"{realm}/token", provider.authorization.exchange)

    async def control(request: web.Request) -> web.Response:
        """What a test orders; no provider has this."""
        order = await request.json()
        provider.obey(order)
        if "sign" in order:
            return web.json_response({"token": _sign(provider, order["sign"])})
        return web.json_response(
            {"asked": provider.asked, "pem": _public_pem(provider)}
        )

    app.router.add_post("/control", control)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)  # noqa: T201 - the parent waits for it
    await asyncio.Event().wait()


def _sign(provider: Provider, order: dict[str, Any]) -> str:
    name = order.get("key", provider.published[-1])
    algorithm, key = provider.keys[name]
    algorithm = order.get("algorithm", algorithm)
    if algorithm == "none":
        key = None
    elif algorithm.startswith("HS"):
        key = order["secret"]
    headers = {"kid": name} | order.get("headers", {})
    return jwt.encode(order["claims"], key, algorithm=algorithm, headers=headers)


def _public_pem(provider: Provider) -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    _, key = provider.keys["first"]
    return str(
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        .decode()
    )


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
