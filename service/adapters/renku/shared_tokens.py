"""Access tokens that processes of one database get with one refresh token.

A provider may give a new refresh token with each access token and refuse the former
from then on; the second use of one may count as its theft and end the session:
https://www.rfc-editor.org/rfc/rfc9700#section-4.14 . So what was got last is a row,
encrypted, and one process at a time replaces it.
"""

import asyncio
import hashlib
from collections.abc import Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import structlog

from service.adapters.deadline import end_by
from service.adapters.renku.errors import UpstreamRefusedError
from service.adapters.renku.token_endpoint import DEADLINE, TokenEndpoint, TokenGrant
from service.domain.hook import Secret
from service.errors import PermanentError, TransientError
from service.ports.store import Store, UpstreamToken
from service.ports.time import Clock

__all__ = ["SharedTokens"]

log = structlog.get_logger(__name__)

LEASE: Final = 4 * DEADLINE
"""How long a process may take that renews. It asks the provider twice at most, and only
while the deadlines of that and one more, to write down what it got, are left."""
POLL: Final = timedelta(milliseconds=200)
"""How often the others read whether it is done."""
WAITS: Final = LEASE // POLL + 1
OBSOLETE: Final = timedelta(days=30)
"""When the row of a refresh token that is configured nowhere any more is removed."""


class SharedTokens:
    """Implement `AccessTokens` with a refresh token that may be replaced by each use.

    Args:
        endpoint: Gives tokens.
        configured: The refresh token of the settings. One that was replaced is known
            by the one that it began with, so that another one begins anew.
        account: Whose token it is: the client, and where it gets tokens.
        store: Holds what was got last.
        clock: The current time.
    """

    def __init__(
        self,
        *,
        endpoint: TokenEndpoint,
        configured: Secret,
        account: str,
        store: Store,
        clock: Clock,
    ) -> None:
        self._endpoint = endpoint
        self._configured = configured
        self._store = store
        self._clock = clock
        text = f"{account}\0{configured.reveal()}"
        self._id = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        self._lease = f"upstream-token:{self._id}"
        self._owner = uuid4().hex
        self._latest: UpstreamToken | None = None
        self._refused: Secret | None = None
        self._is_fresh = False
        """Whether no request was answered yet with a token that was just got."""
        self._lock = asyncio.Lock()

    async def current(self) -> Secret:
        async with self._lock:
            latest = self._latest
            if latest is None or not self._is_usable(latest):
                latest = await self._replace()
            return latest.access_token

    def reject(self, token: Secret) -> bool:
        # One that was got for this very request and is refused: the next one would be,
        # too. Any other may have been revoked, or have expired by the other's clock.
        if self._latest is not None and token == self._latest.access_token:
            if self._is_fresh:
                return False
            self._refused = token
        return True

    def accept(self) -> None:
        self._is_fresh = False

    def _is_usable(self, token: UpstreamToken) -> bool:
        is_refused = token.access_token == self._refused
        return not is_refused and self._clock.now() < token.expires_at

    async def _replace(self) -> UpstreamToken:
        for _ in range(WAITS):
            latest = await self._read()
            if latest is not None and self._is_usable(latest):
                return latest
            # Taken before: the database may answer any time after it was asked.
            requested_at = self._clock.now()
            if await self._acquire(requested_at):
                until = requested_at + LEASE
                return await _to_its_end(self._renew_and_release(until))
            # The provider is asked by somebody else: what it gives is for all.
            await self._clock.sleep(POLL)
        raise TransientError("another process does not end to renew the token of Renku")

    async def _acquire(self, now: datetime) -> bool:
        async with self._store.transaction() as tx:
            return await tx.leases.acquire(
                self._lease, owner=self._owner, now=now, length=LEASE
            )

    async def _renew_and_release(self, until: datetime) -> UpstreamToken:
        try:
            return await self._renew(until)
        finally:
            # If not, the others wait until it has run out.
            with suppress(TransientError):
                await end_by(until, self._release(), clock=self._clock)

    async def _release(self) -> None:
        async with self._store.transaction() as tx:
            await tx.leases.release(self._lease, owner=self._owner)

    async def _renew(self, until: datetime) -> UpstreamToken:
        # Once more: between reading and the lease somebody may have renewed it.
        latest = await end_by(until, self._read(), clock=self._clock)
        if latest is not None and self._is_usable(latest):
            return latest
        used, grant = await self._request(latest, until)
        renewed = UpstreamToken(
            id=self._id,
            refresh_token=grant.refresh_token or used,
            access_token=grant.access_token,
            expires_at=grant.expires_at,
            renewals=latest.renewals + 1 if latest else 1,
            renewed_at=self._clock.now(),
        )
        # In memory first: where the database is away the one before is no good any
        # more, and the next renewal writes down what follows from this one.
        self._latest, self._is_fresh = renewed, True
        await self._write(renewed, until)
        return renewed

    async def _write(self, renewed: UpstreamToken, until: datetime) -> None:
        """Write a token down while the lease lasts, if the database allows it."""

        async def write() -> None:
            async with self._store.transaction() as tx:
                if renewed.renewals == 1:
                    before = renewed.renewed_at - OBSOLETE
                    await tx.upstream_tokens.remove(before=before)
                await tx.upstream_tokens.put(renewed)

        try:
            # By the clock of the lease: a database that hangs would hold everybody up
            # who needs a token here, while another process renews it.
            await end_by(until, write(), clock=self._clock)
        except TransientError as exc:
            log.warning("token of Renku not written down", error=str(exc))

    async def _request(
        self, latest: UpstreamToken | None, until: datetime
    ) -> tuple[Secret, TokenGrant]:
        """Get a token with the refresh token of last time, or with the configured one.

        The latter where the former is refused: a database that was restored is behind.
        """
        if latest is not None and latest.refresh_token != self._configured:
            self._expect_left(3 * DEADLINE, until)
            try:
                used = latest.refresh_token
                return used, await self._endpoint.request(used)
            except UpstreamRefusedError:
                log.warning("refresh token of the database refused; trying the setting")
        self._expect_left(2 * DEADLINE, until)
        return self._configured, await self._endpoint.request(self._configured)

    def _expect_left(self, least: timedelta, until: datetime) -> None:
        # A database that answers late, or a process that stood still: once the lease is
        # over another process may use the same refresh token.
        if self._clock.now() + least > until:
            raise TransientError("the database takes too long to renew Renku's token")

    async def _read(self) -> UpstreamToken | None:
        """Return what was got last, by this process or another.

        Raises:
            UpstreamRefusedError: It cannot be decrypted.
            TransientError: The database does not answer.
        """
        try:
            async with self._store.reading() as tx:
                found = await tx.upstream_tokens.find(self._id)
        except PermanentError as exc:
            raise UpstreamRefusedError(
                "RELAUNCH_SECRET_KEY does not decrypt the refresh token of Renku; set "
                "the former key, too, or a new RELAUNCH_RENKU_REFRESH_TOKEN",
                status=401,
            ) from exc
        mine = self._latest
        # By number, as clocks of two processes differ.
        if found is not None and (mine is None or found.renewals > mine.renewals):
            self._latest, self._is_fresh = found, False
        return self._latest


async def _to_its_end(renewal: Coroutine[Any, Any, UpstreamToken]) -> UpstreamToken:
    """Await a renewal; who is cancelled meanwhile waits for its end.

    Stopped between the provider's answer and the row, it would lose the only token that
    is good from then on.
    """
    # Waited for by itself: one that is cancelled before it began runs no line.
    task = asyncio.create_task(renewal)  # noqa: TID251 - it outlives who is cancelled
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
