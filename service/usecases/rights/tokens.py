"""Add, list and revoke API tokens."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from service.domain.hook import Secret
from service.domain.rights.caller import (
    UNLIMITED,
    Caller,
    MemberRole,
    ProjectId,
    Scope,
    UserId,
)
from service.domain.rights.decision import is_allowed
from service.domain.rights.token import (
    ApiToken,
    TokenId,
    compose_token,
    digest_token,
    visible_part,
)
from service.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    UnauthenticatedError,
)
from service.ports.store import Page, PageRequest, Store
from service.ports.time import Clock, Ids

__all__ = ["NewToken", "TokenEditor"]

_RANDOM_BYTES: Final = 32
LONGEST_LIFE: Final = timedelta(days=366)
"""Tokens that are forgotten end by themselves; who needs one renews it each year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """The command to add a token."""

    name: str
    role: MemberRole = MemberRole.OWNER
    projects: Sequence[ProjectId] | None = None
    """The projects that it is for; None for all of the user's."""
    is_admin: bool = False
    life: timedelta
    """How long it is valid."""


class TokenEditor:
    """Add, list and revoke API tokens of the caller.

    A token never gives more than its user has: their role in a project is asked for at
    each use.

    Args:
        store: Holds tokens.
        clock: The current time.
        ids: Generates ids.
    """

    def __init__(self, *, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    async def add(self, caller: Caller, new: NewToken) -> tuple[ApiToken, Secret]:
        """Add a token; its text is returned here and kept nowhere.

        Raises:
            ForbiddenError: The caller shows a limited token.
            InvalidRequestError: It would give more than the caller has, name a project
                that the caller has no such role in, or live too long.
        """
        now = self._clock.now()
        user = _user(caller)
        # Checked when the token is made and again at each use: a role that its user
        # loses is lost for the token as well.
        self._check(caller, new)
        await self._check_projects(caller, new)
        text = compose_token(secrets.token_urlsafe(_RANDOM_BYTES))
        token = ApiToken(
            id=TokenId(self._ids.new()),
            name=new.name,
            prefix=visible_part(text),
            digest=digest_token(text),
            user=user,
            is_admin=caller.is_admin,
            scope=Scope(
                role=new.role,
                projects=None if new.projects is None else frozenset(new.projects),
                is_admin=new.is_admin,
            ),
            created_at=now,
            expires_at=now + new.life,
        )
        async with self._store.transaction() as tx:
            await tx.tokens.add(token)
        return token, text

    def _check(self, caller: Caller, new: NewToken) -> None:
        _check_credential(caller)
        if new.is_admin and not caller.may_administer:
            raise InvalidRequestError(
                "admin: you are no administrator; expected a token without it"
            )
        if not timedelta(0) < new.life <= LONGEST_LIFE:
            raise InvalidRequestError(
                f"expires: expected at most {LONGEST_LIFE.days} days from now"
            )

    async def _check_projects(self, caller: Caller, new: NewToken) -> None:
        user = _user(caller)
        async with self._store.reading() as tx:
            found = {
                membership.project: membership
                for membership in await tx.projects.memberships(
                    new.projects or (), user
                )
            }
        for project in new.projects or ():
            known = [found[project]] if project in found else []
            if not is_allowed(caller, new.role, known):
                raise InvalidRequestError(
                    f"projects: you are no {new.role.value} of a project {project!r}"
                )

    async def list(self, caller: Caller, page: PageRequest) -> Page[ApiToken]:
        """Return the caller's tokens, newest first; an administrator's are all."""
        owner = None if caller.may_administer else _user(caller)
        async with self._store.reading() as tx:
            return await tx.tokens.list(page, user=owner)

    async def revoke(self, caller: Caller, token_id: TokenId) -> None:
        """Revoke a token: no process takes it from now on.

        Raises:
            ForbiddenError: The caller shows a limited token.
            NotFoundError: There is no such token, or it is another user's.
        """
        _check_credential(caller)
        async with self._store.transaction() as tx:
            try:
                token = await tx.tokens.get(token_id)
            except NotFoundError as exc:
                raise _no_token(token_id) from exc
            if not caller.may_administer and token.user != _user(caller):
                raise _no_token(token_id)
            await tx.tokens.revoke(token_id, at=self._clock.now())


def _check_credential(caller: Caller) -> None:
    """Check that tokens are managed by their user, not by another token.

    A limited token could otherwise renew itself for ever, or revoke the others.
    """
    if caller.scope != UNLIMITED:
        raise ForbiddenError(
            "API tokens are not added or revoked with an API token; sign in, or use an "
            "administrator's."
        )


def _user(caller: Caller) -> UserId:
    if caller.user is None:
        raise UnauthenticatedError(
            "You have to be authenticated to perform this operation."
        )
    return caller.user.id


def _no_token(token_id: TokenId) -> NotFoundError:
    return NotFoundError(
        f"Token with id '{token_id[:60]}' does not exist or you do not have access to "
        "it."
    )
