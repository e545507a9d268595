"""API tokens, and the caller themself."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from handlers.api.schemas.models import Line, RequestModel, ResponseModel, Ulid
from service.domain.rights.caller import User
from service.domain.rights.project import namespace_of
from service.domain.rights.token import ApiToken

__all__ = [
    "NewTokenResponse",
    "SignInLink",
    "TokenPost",
    "TokenResponse",
    "UserResponse",
]

Days = Annotated[int, Field(ge=1, le=366)]


class TokenPost(RequestModel):
    """A new token."""

    name: Annotated[Line, Field(min_length=1, max_length=99)]
    role: Literal["viewer", "editor", "owner"] = "viewer"
    projects: (
        Annotated[tuple[Ulid, ...], Field(min_length=1, max_length=100)] | None
    ) = Field(
        default=None, description="The only projects that it is for; all if absent."
    )
    admin: bool = Field(default=False, description="Whether it may administer.")
    days: Days = Field(default=90, description="How long it is valid.")

    @property
    def life(self) -> timedelta:
        """How long it is valid."""
        return timedelta(days=self.days)


class TokenResponse(ResponseModel):
    """What is on record of a token."""

    id: str
    name: str
    prefix: str = Field(description="Its first characters, to recognize it by.")
    user_id: str
    role: Literal["viewer", "editor", "owner"]
    projects: tuple[str, ...] | None = None
    admin: bool
    creation_date: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    @classmethod
    def of(cls, token: ApiToken) -> "TokenResponse":
        """Report a token."""
        return cls.model_validate(_fields(token))


class NewTokenResponse(TokenResponse):
    """A token that was added, with its text, which is never shown again."""

    shows_secret: ClassVar[bool] = True

    token: str

    @classmethod
    def with_text(cls, token: ApiToken, text: str) -> "NewTokenResponse":
        """Report a new token."""
        return cls.model_validate(_fields(token) | {"token": text})


def _fields(token: ApiToken) -> dict[str, object]:
    only = token.scope.projects
    return {
        "id": token.id,
        "name": token.name,
        "prefix": token.prefix,
        "user_id": token.user,
        "role": token.scope.role.value,
        "projects": None if only is None else tuple(sorted(only)),
        "admin": token.scope.is_admin,
        "creation_date": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }


class UserResponse(ResponseModel):
    """The caller, as Renku shows them."""

    id: str
    username: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    is_admin: bool

    @classmethod
    def of(cls, user: User, *, is_admin: bool) -> "UserResponse":
        """Report a user; the name is that of their namespace."""
        return cls(
            id=user.id,
            username=namespace_of(user),
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            is_admin=is_admin,
        )


class SignInLink(ResponseModel):
    """A link that signs the caller in to the web page, once."""

    shows_secret: ClassVar[bool] = True

    path: str = Field(description="To be opened where the service is reached.")
    expires_at: datetime
