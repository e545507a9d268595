"""Settings of who may call the REST API."""

from datetime import timedelta
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from service.domain.rights.grants import GrantRules
from service.errors import InvalidRequestError
from service.settings.section import Duration, Names, Section

__all__ = ["AuthSettings"]

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
    | {"EdDSA"}
)
"""Asymmetric ones only: https://www.rfc-editor.org/rfc/rfc8725#section-2.1"""


class AuthSettings(Section):
    """Callers of the REST API; without an issuer, only tokens of this service count."""

    issuer: str | None = None
    """The URL of an OpenID provider, exactly as its tokens state it (`iss`)."""
    audience: Names = ("relaunch",)
    """Tokens have to be for one of these (`aud`); Renku's are `renku, renku-cli`."""
    algorithms: Names = ("RS256", "ES256")
    """How tokens may be signed."""
    skew: Duration = Field(default=timedelta(seconds=30), le=timedelta(minutes=5))
    """How far the provider's clock may differ from this machine's."""
    keys_kept: Duration = timedelta(minutes=10)
    """How long the provider's keys are used before they are fetched again."""
    keys_pause: Duration = Field(default=timedelta(seconds=10), ge=timedelta(seconds=1))
    """The shortest time between two attempts to fetch them."""
    admin_claim: str = "realm_access.roles"
    """The claim that lists a user's roles, as a path with dots; the default is
    Keycloak's."""
    admin_role: str = "renku-admin"
    """The role in it that makes an administrator; the default is Renku's."""
    admins: Names = ()
    """Subjects (`sub`) who are administrators, whatever their claims."""
    anonymous: bool | None = None
    """Whether requests without a token may read public projects; when unset, they may
    where an issuer is set."""

    client_id: str | None = None
    """This installation at the provider: with it, people sign in on the page there
    (authorization code with PKCE). The provider has to know the redirect URI
    `<public_url>/sign-in/callback`; the ID token has to hold `admin_claim`, where
    administrators are to be recognised by it."""
    client_secret: SecretStr | None = None
    """Its secret; none for a public client."""
    scopes: Names = ("openid", "profile", "email")
    """What the page asks the provider for."""
    provider_name: str = ""
    """What the page calls the provider; the host of the issuer when unset."""

    grants: Names = ()
    """Repositories that projects may have read with the installation's credentials,
    although they are private: `host/path=project`, where `*` in the path stands for a
    part of one segment, `**` for any number of segments, and the project is an id, or
    `*` for every project."""

    @property
    def rules(self) -> GrantRules:
        """The rules of `grants`."""
        return GrantRules.from_texts(self.grants)

    @field_validator("grants")
    @classmethod
    def _are_rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            GrantRules.from_texts(value)
        except InvalidRequestError as exc:
            raise ValueError(str(exc)) from exc
        return value

    @property
    def allows_anonymous(self) -> bool:
        """Whether requests without a token are served."""
        return self.issuer is not None if self.anonymous is None else self.anonymous

    @property
    def provider_label(self) -> str:
        """What the page calls the provider."""
        return self.provider_name or urlsplit(self.issuer or "").hostname or ""

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        if self.client_id is not None and self.issuer is None:
            raise ValueError("client_id needs the issuer that knows it")
        if self.client_secret is not None and self.client_id is None:
            raise ValueError("client_secret needs a client_id")
        if "openid" not in self.scopes:
            raise ValueError("scopes need `openid`: without it there is no ID token")
        return self

    @field_validator("algorithms")
    @classmethod
    def _are_asymmetric(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not ALGORITHMS.issuperset(value):
            known = ", ".join(sorted(ALGORITHMS))
            raise ValueError(f"expected some of {known}")
        return value

    @field_validator("audience")
    @classmethod
    def _is_for_somebody(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("expected at least one audience")
        return value

    @field_validator("issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is None:
            return None
        url = urlsplit(value)
        # Keys that come over plain HTTP can be replaced on the way.
        is_here = url.hostname in {"localhost", "127.0.0.1", "::1"}
        if not url.hostname or url.scheme not in {"https", "http" if is_here else ""}:
            raise ValueError(f"{value!r} is no issuer; expected https://host/…")
        return value
