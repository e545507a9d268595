"""Sign people in to the web page: one-time codes, and sessions.

Both are kept as API tokens, so that nothing new can be revoked, expire or be looked up:
a session is a token of its person, which a cookie holds. A code is kept under another
digest than a token of the same text, so that it opens nothing but a session, once.
"""

import secrets
from datetime import timedelta
from typing import Final

from service.domain.hook import Secret
from service.domain.rights.caller import UNLIMITED, Caller, User
from service.domain.rights.token import (
    TOKEN_BEGINS,
    ApiToken,
    TokenId,
    compose_token,
    digest_token,
    visible_part,
)
from service.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from service.ports.identity import Identity
from service.ports.store import Store
from service.ports.time import Clock, Ids

__all__ = ["ADMIN_SESSION_LIFE", "CODE_LIFE", "SESSION_LIFE", "SignIn"]

CODE_LIFE: Final = timedelta(minutes=15)
"""A link is followed at once; one that was forgotten in a terminal opens nothing."""
SESSION_LIFE: Final = timedelta(hours=12)
"""A day of work; then a person signs in again."""
ADMIN_SESSION_LIFE: Final = timedelta(hours=1)
"""Of an administrator by a claim of the provider: who loses the role there keeps it
here no longer. The provider knows the person still, so signing in again is a click."""
_SESSION: Final = "session of the page"
_RANDOM_BYTES: Final = 32


class SignIn:
    """Begin and end sessions of the web page.

    Args:
        store: Holds codes and sessions, as tokens.
        clock: The current time.
        ids: Generates ids.
    """

    def __init__(self, *, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    async def issue_code(self, caller: Caller) -> Secret:
        """Issue a code that begins one session of the caller.

        Raises:
            UnauthenticatedError: The caller is anonymous.
            ForbiddenError: The caller shows a limited token.
        """
        # A limited token could otherwise renew itself for ever.
        if caller.scope != UNLIMITED:
            raise ForbiddenError(
                "A link to the page is not made with an API token; paste the token on "
                "the page instead."
            )
        code = Secret(secrets.token_urlsafe(_RANDOM_BYTES))
        await self._add(
            caller,
            name="link to the page",
            prefix="",
            digest=_digest_code(code),
            life=CODE_LIFE,
        )
        return code

    async def redeem_code(self, code: Secret) -> Secret:
        """Begin the session of a code, which is used up by that.

        Raises:
            UnauthenticatedError: It is unknown, used or expired.
        """
        digest = _digest_code(code)
        now = self._clock.now()
        # Under a lock: of two requests with one code, one begins a session.
        async with self._store.transaction(f"sign-in:{digest}") as tx:
            try:
                found = await tx.tokens.by_digest(digest)
            except NotFoundError as exc:
                raise _refused() from exc
            if not found.is_valid(now):
                raise _refused()
            await tx.tokens.revoke(found.id, at=now)
            users = await tx.users.some([found.user])
        user = next(iter(users), User(id=found.user, username=found.user))
        return await self._begin(
            Caller(user=user, is_admin=found.is_admin, scope=found.scope)
        )

    async def begin(self, caller: Caller, credential: Secret) -> Secret:
        """Begin a session of a caller who showed a credential; return its text.

        An API token is its own session: whatever ends it ends the session.

        Raises:
            UnauthenticatedError: The caller is anonymous.
        """
        if credential.reveal().startswith(TOKEN_BEGINS):
            return credential
        return await self._begin(caller)

    async def begin_for(self, identity: Identity) -> Secret:
        """Begin a session of a person whom the provider signed in; return its text."""
        async with self._store.transaction() as tx:
            await tx.users.save(identity.user)
        caller = Caller(user=identity.user, is_admin=identity.is_admin)
        life = ADMIN_SESSION_LIFE if identity.is_admin else SESSION_LIFE
        return await self._begin(caller, life=life)

    async def _begin(self, caller: Caller, *, life: timedelta = SESSION_LIFE) -> Secret:
        text = compose_token(secrets.token_urlsafe(_RANDOM_BYTES))
        await self._add(
            caller,
            name=_SESSION,
            prefix=visible_part(text),
            digest=digest_token(text),
            life=life,
        )
        return text

    async def end(self, session: Secret) -> None:
        """End a session: no process takes it from now on.

        Who signed in with an API token keeps the token.
        """
        async with self._store.transaction() as tx:
            try:
                token = await tx.tokens.by_digest(digest_token(session))
            except NotFoundError:
                return
            if token.name == _SESSION:
                await tx.tokens.revoke(token.id, at=self._clock.now())

    async def _add(
        self, caller: Caller, *, name: str, prefix: str, digest: str, life: timedelta
    ) -> None:
        if caller.user is None:
            raise UnauthenticatedError(
                "You have to be authenticated to perform this operation."
            )
        now = self._clock.now()
        token = ApiToken(
            id=TokenId(self._ids.new()),
            name=name,
            prefix=prefix,
            digest=digest,
            user=caller.user.id,
            is_admin=caller.is_admin,
            scope=caller.scope,
            created_at=now,
            expires_at=now + life,
        )
        async with self._store.transaction() as tx:
            await tx.tokens.add(token)


def _digest_code(code: Secret) -> str:
    return digest_token(Secret(f"sign-in:{code.reveal()}"))


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError(
        "This link was used already, or is too old; `relaunch open` makes another."
    )
