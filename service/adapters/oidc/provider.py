"""Verify the tokens of an OpenID provider.

https://www.rfc-editor.org/rfc/rfc8725 lists what to check, and why.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt

from service.adapters.oidc.keys import PublishedKey, SigningKeys
from service.domain.hook import Secret
from service.domain.rights.caller import INSTALLATION, User, UserId
from service.errors import UnauthenticatedError
from service.ports.identity import Identity

__all__ = ["OidcOptions", "OidcProvider"]

REQUIRED: Final = ("exp", "iss", "aud", "sub")
"""Claims without which a token is refused: one that never expires or is for everybody
is no token of this service."""
_LONGEST_SUBJECT: Final = 255
"""https://openid.net/specs/openid-connect-core-1_0.html#IDToken"""
_LONGEST_TEXT: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcOptions:
    """What an installation expects of its provider."""

    issuer: str
    audiences: Sequence[str]
    """At least one of them has to be in `aud`."""
    algorithms: Sequence[str]
    """Asymmetric ones; a token of any other is refused before a key is sought."""
    skew: timedelta
    """How far the provider's clock may differ."""
    admin_claim: str
    """The claim that lists roles, as a path with dots."""
    admin_role: str
    """The role in it that makes an administrator."""
    admins: frozenset[str]
    """Subjects who are administrators whatever their claims."""


class OidcProvider:
    """Implement the port `IdentityProvider` with JSON Web Tokens.

    Args:
        keys: The provider's keys.
        options: What tokens have to state.
    """

    def __init__(self, *, keys: SigningKeys, options: OidcOptions) -> None:
        self._keys = keys
        self._options = options

    # How tokens are verified is the same for both; what they have to be for is not.
    async def verify(self, token: Secret) -> Identity:
        return self._identity(await self._claims(token, self._options.audiences))

    async def verify_id_token(
        self, token: Secret, *, client_id: str, nonce: str
    ) -> Identity:
        """Return what an ID token states, once all of it is verified.

        Raises:
            UnauthenticatedError: As by `verify`; or it is of another attempt, or was
                issued to another client.
            TransientError: As by `verify`.
        """
        claims = await self._claims(token, [client_id])
        stated = str(claims.get("nonce", "")).encode("utf-8", "replace")
        if not hmac.compare_digest(stated, nonce.encode()):
            raise _refused("its nonce is not this attempt's")
        # https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
        is_shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if is_shared else client_id) != client_id:
            raise _refused("it was issued to another client")
        return self._identity(claims)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        return Identity(user=_user(claims), is_admin=self._is_admin(claims))

    async def _claims(
        self, token: Secret, audiences: Sequence[str]
    ) -> Mapping[str, Any]:
        header = self._read_header(token)
        key_id = header.get("kid")
        found = await self._keys.find(key_id if isinstance(key_id, str) else None)
        suitable = list(_suitable(found, header["alg"]))
        if len(suitable) != 1:
            raise _refused("it is signed with no key that the provider publishes")
        return self._decode(token, suitable[0], header["alg"], audiences)

    def _read_header(self, token: Secret) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token.reveal())
        except (jwt.PyJWTError, ValueError) as exc:
            raise _refused("it is no JSON Web Token") from exc
        # Before anything else: `none` and HMAC with a public key as its secret are how
        # tokens get forged.
        if header.get("alg") not in self._options.algorithms:
            known = ", ".join(self._options.algorithms)
            raise _refused(f"its algorithm is none of {known}")
        return header

    def _decode(
        self,
        token: Secret,
        key: PublishedKey,
        algorithm: str,
        audiences: Sequence[str],
    ) -> Mapping[str, Any]:
        try:
            claims = jwt.decode(
                token.reveal(),
                jwt.PyJWK(dict(key.parameters), algorithm=algorithm).key,
                algorithms=[algorithm],
                audience=list(audiences),
                issuer=self._options.issuer,
                leeway=self._options.skew,
                options={"require": list(REQUIRED)},
            )
        except jwt.PyJWTError as exc:
            raise _refused(_reason(exc)) from exc
        except (ValueError, TypeError, OverflowError) as exc:
            raise _refused("its claims cannot be read") from exc
        return claims

    def _is_admin(self, claims: Mapping[str, Any]) -> bool:
        if claims["sub"] in self._options.admins:
            return True
        value: object = claims
        for name in self._options.admin_claim.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return isinstance(value, list) and self._options.admin_role in value


def _suitable(keys: Iterable[PublishedKey], algorithm: str) -> Iterable[PublishedKey]:
    """Return the keys that an algorithm may use: an RSA key verifies no ES256."""
    family = "EC" if algorithm.startswith("ES") else "RSA"
    family = "OKP" if algorithm == "EdDSA" else family
    for key in keys:
        is_limited = key.algorithm not in {None, algorithm}
        if key.parameters.get("kty") == family and not is_limited:
            yield key


def _user(claims: Mapping[str, Any]) -> User:
    subject = claims["sub"]
    is_plain = isinstance(subject, str) and subject.isprintable()
    if not is_plain or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise _refused("its subject is no plain text of at most 255 characters")
    # Whoever could choose this subject would own what belongs to the installation.
    if subject == INSTALLATION:
        raise _refused(f"its subject {INSTALLATION!r} is this service's own")
    email = _plain(claims, "email")
    return User(
        id=UserId(subject),
        username=_plain(claims, "preferred_username") or email or subject,
        email=email,
        first_name=_plain(claims, "given_name"),
        last_name=_plain(claims, "family_name"),
    )


def _plain(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        return None
    return value[:_LONGEST_TEXT]


_REASONS: Final[Mapping[type[jwt.PyJWTError], str]] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it is for another audience",
    jwt.InvalidIssuerError: "it is of another issuer",
    jwt.InvalidSignatureError: "its signature does not verify",
}


def _reason(exc: jwt.PyJWTError) -> str:
    if isinstance(exc, jwt.MissingRequiredClaimError):
        return f"it lacks the claim {exc.claim!r}"
    return _REASONS.get(type(exc), "it does not verify")


def _refused(why: str) -> UnauthenticatedError:
    # Renku's sentence, and what is wrong beside it: the caller has the token and may
    # know, and the reason reveals nothing of any other.
    return UnauthenticatedError(f"The supplied credentials (jwt) are not valid: {why}.")
