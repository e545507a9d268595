"""The evaluation queue → a verdict: read a source's head and compare.

The generation is read before the head is asked for and advanced by compare-and-set
afterwards. Whoever finds it advanced meanwhile evaluates again, so an old observation
never overwrites a newer one.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from consumers.evaluation.observation import HeadObservation
from consumers.evaluation.record import EvaluationRecorder
from consumers.evaluation.repository_identity import describe_change, is_recreated
from consumers.evaluation.stale_reads import push_claims, refuse_old_head
from consumers.loops.heartbeat import LEASE, keep_claim
from consumers.loops.wakeup import Wakeup
from service.domain.evaluation.comparison import (
    HeadUnchanged,
    Observed,
    RefMissing,
    compare,
    from_last_seen,
)
from service.domain.evaluation.queue import Debounce, DueEvaluation
from service.domain.source import Access
from service.errors import (
    NotFoundError,
    PermanentError,
    RemoteRefusedError,
    TransientError,
)
from service.logs import log_about
from service.ports.remote import Remote
from service.ports.sandbox import Sandbox
from service.ports.store import Store
from service.ports.time import Clock
from service.usecases.observe import observe

__all__ = ["Evaluator"]

log = structlog.get_logger(__name__)

OUTLASTS: Final = timedelta(minutes=5)
"""The outage of the database that a claim outlasts; then others may take it."""
POLL: Final = timedelta(seconds=5)
"""The delay of a request whose process died before it notified; others do notify."""
AFTER_TROUBLE: Final = timedelta(seconds=1)
MAX_ROUNDS: Final = 5
"""How often an evaluation is repeated because the source advanced meanwhile."""


# One per consuming process (`service/app/loops.py`), with as many workers as the
# settings allow. It keeps nothing in memory: what is due, and claimed until when, are
# rows, so the sources of a killed process are free again after one lease.
class Evaluator:
    """Evaluate every source that is in the evaluation queue."""

    def __init__(
        self,
        *,
        store: Store,
        remote: Remote,
        anonymous_remote: Remote,
        clock: Clock,
        wakeup: Wakeup,
        debounce: Debounce,
        recorder: EvaluationRecorder,
        sandbox: Sandbox,
    ) -> None:
        self._store = store
        self._remotes = {
            Access.CREDENTIAL: remote,
            Access.ANONYMOUS: anonymous_remote,
        }
        self._clock = clock
        self._wakeup = wakeup
        self._debounce = debounce
        self._recorder = recorder
        self._sandbox = sandbox

    async def run(self, *, at_once: int) -> None:
        """Process due evaluations until cancelled, several at a time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._process_due_evaluations())

    async def _process_due_evaluations(self) -> None:
        while True:
            try:
                # Waiting is bounded by the next due time and by POLL: the wakeup is a
                # signal inside this process only, and requests of other processes would
                # otherwise not be noticed.
                if not await self.process_one():
                    await self._wakeup.wait(at_most=await self._until_next())
            except TransientError as exc:
                log.warning("evaluation queue waits", error=str(exc))
                await self._clock.sleep(AFTER_TROUBLE)
            except Exception:
                # The other workers have evaluations under way.
                log.exception("evaluation queue failed")
                await self._clock.sleep(AFTER_TROUBLE)

    async def _until_next(self) -> timedelta:
        async with self._store.reading() as tx:
            due = await tx.evaluation_queue.next_due()
        if due is None:
            return POLL
        # Never zero: a due evaluation whose claim another process holds is already due,
        # and a wait of nothing would make this loop spin on the database.
        return max(timedelta(milliseconds=1), min(POLL, due - self._clock.now()))

    async def process_one(self) -> bool:
        """Process the most urgent due evaluation; return whether there was one.

        Raises:
            TransientError: The database did not answer.
        """
        # One task goes from source to source.
        structlog.contextvars.clear_contextvars()
        now = self._clock.now()
        async with self._store.transaction() as tx:
            # The claim is a transaction of its own. Holding one open while a forge
            # answers would keep a connection and, on SQLite, the only writer for
            # seconds.
            due_evaluation = await tx.evaluation_queue.claim(now=now, lease=LEASE)
        if due_evaluation is None:
            return False
        log_about(source=due_evaluation.source_id)
        async with keep_claim(
            due_evaluation.source_id,
            claimed_at=now,
            store=self._store,
            clock=self._clock,
        ):
            # `now` is the instant of the claim, not of the first try: an outage that
            # lasts longer than OUTLASTS must give the source up, or a process without a
            # database would hold it while others could go on.
            await self._evaluate_safely(due_evaluation, until=now + OUTLASTS)
        return True

    async def _evaluate_safely(
        self, due_evaluation: DueEvaluation, *, until: datetime
    ) -> None:
        """Put off what a fault of ours ends, where not even that could be written."""
        try:
            await self._evaluate_with_retries(due_evaluation, until=until)
        except TransientError:
            raise
        except Exception:
            log.exception("evaluation failed")
            await self._recorder.postpone(due_evaluation)

    async def _evaluate_with_retries(
        self, due_evaluation: DueEvaluation, *, until: datetime
    ) -> None:
        """Process a claimed evaluation, also over an outage of the database.

        Given up half-way it would be nobody's until its lease runs out.
        """
        while True:
            try:
                # Retried here and not by the queue: the claim is renewed only while
                # this process lives, and a second claimant would repeat all requests to
                # the forge.
                return await self._evaluate(due_evaluation)
            except TransientError as exc:
                if self._clock.now() >= until - AFTER_TROUBLE:
                    raise
                log.warning("evaluation waits", error=str(exc))
                await self._clock.sleep(AFTER_TROUBLE)

    async def _evaluate(self, due_evaluation: DueEvaluation) -> None:
        for _ in range(MAX_ROUNDS):
            # Read again in each round: generation, last seen content and requests have
            # to be of one moment, or the compare-and-set in `record` would accept a
            # comparison with something older.
            observation = await self._open(due_evaluation)
            if observation is None:
                return
            _log_about(observation)
            try:
                if await self._recorder.record(await self._observe(observation)):
                    return
            except TransientError as exc:
                await self._recorder.record_failure(observation, due_evaluation, exc)
                return
            except Exception:
                # A bug that one repository brings out must not stop the others.
                log.exception("evaluation failed")
                trouble = TransientError("the evaluation failed by a fault of ours")
                await self._recorder.record_failure(
                    observation, due_evaluation, trouble
                )
                return
        # Others evaluate this source all the time; the asks stay queued.
        async with self._store.transaction() as tx:
            until = self._clock.now() + self._debounce.window
            await tx.evaluation_queue.postpone(due_evaluation.source_id, until=until)

    async def _open(self, due_evaluation: DueEvaluation) -> HeadObservation | None:
        """Read what an evaluation starts from; None when nobody requests it now."""
        async with self._store.reading() as tx:
            # The requests are read before the head. One that arrives later is not
            # answered by this evaluation and stays queued: its push may be newer than
            # the head that is read next.
            requests = await tx.evaluation_queue.requests(due_evaluation.source_id)
            now = self._clock.now()
            claims = await push_claims(
                tx, (request for _, request in requests), now=now
            )
            try:
                source = await tx.sources.get(due_evaluation.source_id)
            except NotFoundError:
                source = None
        if source is not None and requests:
            return HeadObservation(
                source=source, requests=requests, started_at=now, claims=claims
            )
        async with self._store.transaction() as tx:
            await tx.evaluation_queue.settle(
                due_evaluation.source_id,
                # Settled by id: a source without launchers may have got one, and a
                # request, since the reading transaction above.
                ids=[request_id for request_id, _ in requests],
                now=self._clock.now(),
                debounce=self._debounce,
            )
        return None

    async def _observe(self, observation: HeadObservation) -> HeadObservation:
        source = observation.source
        try:
            observed = await self._observe_head(observation)
        except PermanentError as exc:
            return observation.unreadable(exc)
        # Before the comparison: a replica that lags shows the previous head, which
        # would compare as unchanged and settle the push for good.
        refuse_old_head(source, observed, observation.claims)
        # Only after the head passed the check above: "unchanged" is a statement about
        # the commit, and a lagging forge makes it of an old one.
        if isinstance(observed, HeadUnchanged):
            observed = from_last_seen(source, observed)
        comparison = compare(source, observed)
        message = comparison.message + describe_change(source, observed)
        return observation.with_head(replace(comparison, message=message), observed)

    async def _observe_head(
        self, observation: HeadObservation
    ) -> Observed | HeadUnchanged | RefMissing:
        """Observe the source; or who has its name now, when it was made anew."""
        source = observation.source
        observe_at = partial(
            observe,
            self._remotes[source.access],
            revision=source.revision,
            context_dir=source.context_dir,
            sandbox=self._sandbox,
            known=source.seen,
        )
        try:
            return await observe_at(source.repository)
        # A repository that was deleted and made again has another number. It is read
        # under the new one only when a signed delivery suggested exactly that number;
        # see `is_recreated`.
        except RemoteRefusedError as exc:
            requests = (request for _, request in observation.requests)
            again = is_recreated(source.repository, exc, requests)
            if again is None:
                raise
            return await observe_at(again)


def _log_about(observation: HeadObservation) -> None:
    delivery = next(iter(observation.delivery_ids), None)
    log_about(traceparent=observation.traceparent, delivery=delivery)
