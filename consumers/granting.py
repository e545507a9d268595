"""Have launchers read what their project's links allow, whatever was interrupted.

Whoever begins to lead applies the rules of its settings to all links once, when they
are others than the last leader's. Projects whose links changed are marked in the same
transaction; what is marked is settled here, if the request that changed them was not.
"""

import hashlib
from datetime import timedelta
from typing import Final

import structlog

from consumers.loops.periodic import run_periodically
from service.domain.rights.grants import GrantRules
from service.ports.builder import BuilderIdentity
from service.ports.store import Store
from service.ports.time import Clock, Ids
from service.usecases.launchers import LauncherEditor
from service.usecases.publish_events import EventRecorder
from service.usecases.rebuilds import RebuildRequester
from service.usecases.rights.repository_access import RepositoryAccess
from service.usecases.rights.settle import AccessSettler

__all__ = ["GrantKeeper", "make_keeper"]

log = structlog.get_logger(__name__)

POLL: Final = timedelta(seconds=10)
"""How long a grant that was withdrawn may last when the process that withdrew it
died."""
_NAME: Final = "grants"


# One, in the process that leads.
class GrantKeeper:
    """Apply rules of grants, and settle what was left unsettled.

    Args:
        store: Holds projects, and the fingerprint of the rules of then.
        settler: Settles projects.
        rules: Of the settings of this process.
        clock: Gives the time.
    """

    def __init__(
        self, *, store: Store, settler: AccessSettler, rules: GrantRules, clock: Clock
    ) -> None:
        self._store = store
        self._settler = settler
        self._rules = rules
        self._clock = clock
        self._is_applied = False

    async def run(self) -> None:
        """Work until cancelled."""
        await run_periodically(
            self.round, clock=self._clock, failure="grants wait", every=POLL
        )

    async def round(self) -> None:
        """Apply the rules if they changed, and settle projects.

        Raises:
            TransientError: The database did not answer.
        """
        if not self._is_applied:
            await self._apply()
            self._is_applied = True
        while await self._settler.settle_all():
            pass

    async def _apply(self) -> None:
        fingerprint = hashlib.sha256(repr(self._rules).encode()).hexdigest()
        async with self._store.reading() as tx:
            known = await tx.bases.fingerprint(_NAME)
        if known == fingerprint:
            return
        changed = await self._settler.apply_rules(self._rules)
        log.info("rules of grants applied", projects=changed)
        async with self._store.transaction() as tx:
            # Last: a leader that dies in between leaves the former fingerprint, and the
            # next one repeats all of it.
            await tx.bases.save_fingerprint(_NAME, fingerprint, at=self._clock.now())


def make_keeper(
    *,
    store: Store,
    builder: BuilderIdentity,
    clock: Clock,
    ids: Ids,
    recorder: EventRecorder,
    rules: GrantRules,
) -> GrantKeeper:
    """Make a keeper, with what changes launchers for it."""
    rebuilds = RebuildRequester(
        store=store, builder=builder, clock=clock, ids=ids, events=recorder
    )
    launchers = LauncherEditor(
        store=store,
        builder=builder,
        clock=clock,
        ids=ids,
        events=recorder,
        rebuilds=rebuilds,
        # Those that follow one were let to.
        allow_files=True,
        access=RepositoryAccess(clock=clock, rules=rules),
    )
    settler = AccessSettler(store=store, launchers=launchers)
    return GrantKeeper(store=store, settler=settler, rules=rules, clock=clock)
