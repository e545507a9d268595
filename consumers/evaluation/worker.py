"""The evaluation queue → a verdict: read a source's head and compare.

The generation is read before the head is asked for and advanced by compare-and-set
afterwards. Whoever finds it advanced meanwhile evaluates again, so an old observation
never overwrites a newer one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from consumers.evaluation.claims import EvaluationClaims
from consumers.evaluation.observation import HeadObservation
from consumers.evaluation.opening import ObservationOpener
from consumers.evaluation.record import EvaluationRecorder
from consumers.evaluation.repository_identity import describe_change, is_recreated
from consumers.evaluation.stale_reads import refuse_old_head
from consumers.loops.heartbeat import HeldClaims
from consumers.loops.places import Places
from service.definitions.known_readings import KnownReadings
from service.domain.backoff import Backoff
from service.domain.evaluation.comparison import (
    HeadUnchanged,
    Observed,
    RefMissing,
    compare,
    from_last_seen,
)
from service.domain.evaluation.queue import Debounce, DueEvaluation
from service.domain.source import Access
from service.errors import PermanentError, RemoteRefusedError, TransientError
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
AFTER_TROUBLE: Final = timedelta(seconds=1)
_BACKOFF: Final = Backoff(first=AFTER_TROUBLE, longest=timedelta(minutes=1))
MAX_ROUNDS: Final = 5
"""How often an evaluation is repeated because the source advanced meanwhile."""


# One per consuming process (`service/app/loops.py`). It keeps nothing in memory that a
# restart needs: what is due, and claimed until when, are rows, so the sources of a
# killed process are free again after one lease.
class Evaluator:
    """Evaluate every source that is in the evaluation queue."""

    def __init__(
        self,
        *,
        store: Store,
        remote: Remote,
        anonymous_remote: Remote,
        clock: Clock,
        claims: EvaluationClaims,
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
        self._debounce = debounce
        self._recorder = recorder
        self._sandbox = sandbox
        self._opener = ObservationOpener(store=store, clock=clock, debounce=debounce)
        self._claims = claims
        self._held = HeldClaims(store=store, clock=clock)
        self._readings = KnownReadings()

    async def run(self, *, at_once: int) -> None:
        """Process due evaluations until cancelled, several at a time."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._held.run())
            places = Places(at_once, group=group)
            with self._claims.opened(places, self._work):
                while True:
                    await self._begin_due_safely(places)

    async def _begin_due_safely(self, places: Places) -> None:
        try:
            await self._begin_due(places)
        except TransientError as exc:
            log.warning("evaluation queue waits", error=str(exc))
        except Exception:
            # The evaluations under way go on.
            log.exception("evaluation queue failed")
        else:
            return
        await self._clock.sleep(AFTER_TROUBLE)

    async def _begin_due(self, places: Places) -> None:
        """Begin due evaluations in every place that is free; wait when some stay free.

        No more are claimed than can begin at once: other processes may have places.
        """
        free = await places.take_all()
        claimed: Sequence[DueEvaluation] = ()
        now = self._clock.now()
        try:
            claimed = await self._claims.claim(now, limit=free)
        finally:
            places.begin([self._work(due, now) for due in claimed], taken=free)
        if len(claimed) < free:
            # While those that were claimed wait for their forges.
            await self._claims.wait()

    async def _work(self, due: DueEvaluation, claimed_at: datetime) -> None:
        try:
            await self._process(due, claimed_at=claimed_at)
        except TransientError as exc:
            log.warning("evaluation given up", error=str(exc))
        except Exception:
            log.exception("evaluation failed")
        finally:
            # Requests that came meanwhile, or a back-off, made it due again.
            self._claims.notify()

    async def process_one(self) -> bool:
        """Process the most urgent due evaluation; return whether there was one.

        Raises:
            TransientError: The database did not answer.
        """
        now = self._clock.now()
        claimed = await self._claims.claim(now, limit=1)
        for due_evaluation in claimed:
            await self._process(due_evaluation, claimed_at=now)
        return bool(claimed)

    async def _process(
        self, due_evaluation: DueEvaluation, *, claimed_at: datetime
    ) -> None:
        log_about(source=due_evaluation.source_id)
        with self._held.hold(due_evaluation.source_id, claimed_at=claimed_at):
            # Counted from the claim, not from the first try: an outage that lasts
            # longer than OUTLASTS must give the source up, or a process without a
            # database would hold it while others could go on.
            until = claimed_at + OUTLASTS
            await self._evaluate_safely(due_evaluation, until=until)

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
        failures = 0
        while True:
            try:
                # Retried here and not by the queue: the claim is renewed only while
                # this process lives, and a second claimant would repeat all requests to
                # the forge.
                return await self._evaluate(due_evaluation)
            except TransientError as exc:
                left = until - AFTER_TROUBLE - self._clock.now()
                if left <= timedelta():
                    raise
                failures += 1
                log.warning("evaluation waits", error=str(exc))
                # Longer each time: what one source waits for in vain, such as a lock
                # that is held, makes those wait that are recorded with it.
                await self._clock.sleep(min(_BACKOFF.wait_after(failures), left))

    async def _evaluate(self, due_evaluation: DueEvaluation) -> None:
        for _ in range(MAX_ROUNDS):
            # Read again in each round: generation and last seen content have to be of
            # one moment, or the compare-and-set in `record` would accept a comparison
            # with something older; and of no earlier one than the requests.
            observation = await self._opener.open(due_evaluation.source_id)
            if observation is None:
                return
            delivery = next(iter(observation.delivery_ids), None)
            log_about(traceparent=observation.traceparent, delivery=delivery)
            try:
                if await self._observe_and_record(observation, due_evaluation):
                    return
            except TransientError:
                raise
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

    async def _observe_and_record(
        self, observation: HeadObservation, due_evaluation: DueEvaluation
    ) -> bool:
        """Return whether the evaluation is over; False when the source advanced."""
        try:
            seen = await self._observe(observation)
        # The repository's trouble; that of the database is the caller's.
        except TransientError as exc:
            await self._recorder.record_failure(observation, due_evaluation, exc)
            return True
        return await self._recorder.record(seen)

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
            readings=self._readings,
            changed_paths=observation.changed_paths,
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
