"""Find out who calls, from the credential that a request shows."""

import hmac
from collections import OrderedDict
from datetime import timedelta
from typing import Final

from service.domain.hook import Secret
from service.domain.rights.caller import ANONYMOUS, OPERATOR, Caller, User, UserId
from service.domain.rights.token import TOKEN_BEGINS, ApiToken, digest_token
from service.errors import NotFoundError, UnauthenticatedError
from service.ports.identity import IdentityProvider
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["Authenticator"]

USE_RECORDED: Final = timedelta(minutes=1)
"""How exact `last_used_at` is: a program that calls all the time does not write all
the time."""
_LONGEST: Final = 16 * 1024
"""Characters of a credential; servers take headers of 8 KiB or a little more."""
_KNOWN_USERS: Final = 1000
"""How many users this process remembers to have saved; each takes under 1 KiB."""


# One per process that serves the REST API. What it remembers only saves writes; tokens
# are read from the database at each request, so a revocation holds at once everywhere.
class Authenticator:
    """Turn credentials into callers.

    A credential is the installation's own token, an API token, or a token of the
    identity provider. Which of them is decided by the text alone, so that a wrong one
    is not tried in every way.

    Args:
        store: Holds API tokens and users.
        provider: Verifies tokens of the identity provider.
        clock: The current time.
        token: The installation's own token.
        allows_anonymous: Whether requests without a credential are served.
    """

    def __init__(
        self,
        *,
        store: Store,
        provider: IdentityProvider,
        clock: Clock,
        token: Secret,
        allows_anonymous: bool,
    ) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock
        self._token = token
        self._allows_anonymous = allows_anonymous
        self._saved: OrderedDict[UserId, User] = OrderedDict()

    async def authenticate(self, credential: Secret | None) -> Caller:
        """Return who shows a credential; None is an anonymous caller's.

        Raises:
            UnauthenticatedError: It is wrong, expired or revoked; or it is missing, and
                this installation serves nobody without one.
            TransientError: It cannot be verified now.
        """
        if credential is None:
            if self._allows_anonymous:
                return ANONYMOUS
            raise _refused("the header Authorization: Bearer with the service's token")
        if self._is_own(credential):
            return OPERATOR
        if len(credential.reveal()) > _LONGEST:
            raise _refused(f"a token of at most {_LONGEST} characters")
        if credential.reveal().startswith(TOKEN_BEGINS):
            return await self._by_token(credential)
        identity = await self._provider.verify(credential)
        await self._save(identity.user)
        return Caller(user=identity.user, is_admin=identity.is_admin)

    def _is_own(self, credential: Secret) -> bool:
        # Bytes: `compare_digest` raises on text that is not ASCII.
        # First and in constant time: the installation's token works without the
        # database and the provider, which an operator needs when those fail.
        return hmac.compare_digest(
            credential.reveal().encode("utf-8", "surrogateescape"),
            self._token.reveal().encode(),
        )

    async def _by_token(self, credential: Secret) -> Caller:
        """Return the caller of an API token."""
        now = self._clock.now()
        async with self._store.reading() as tx:
            try:
                token = await tx.tokens.by_digest(digest_token(credential))
            except NotFoundError as exc:
                raise _refused("a token that this service has issued") from exc
            users = await tx.users.some([token.user])
        if not token.is_valid(now):
            raise _refused("a token that is neither expired nor revoked")
        # A separate, short transaction: a reader must not wait for the writer that all
        # requests with one token would share.
        await self._record_use(token)
        user = next(iter(users), User(id=token.user, username=token.user))
        return Caller(user=user, is_admin=token.is_admin, scope=token.scope)

    async def _record_use(self, token: ApiToken) -> None:
        now, before = self._clock.now(), token.last_used_at
        if before is not None and now - before < USE_RECORDED:
            return
        async with self._store.transaction() as tx:
            await tx.tokens.touch(token.id, at=now)

    async def _save(self, user: User) -> None:
        """Save what the provider states of a user, once for each change of it."""
        if self._saved.get(user.id) == user:
            self._saved.move_to_end(user.id)
            return
        async with self._store.transaction() as tx:
            await tx.users.save(user)
        self._saved[user.id] = user
        if len(self._saved) > _KNOWN_USERS:
            self._saved.popitem(last=False)


def _refused(expected: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"You have to be authenticated to perform this operation; expected {expected}."
    )
