"""What an evaluation starts from: the source, its requests, what pushes announced."""

from collections.abc import Sequence

from consumers.evaluation.observation import HeadObservation
from consumers.evaluation.stale_reads import believed, push_claims
from consumers.loops.gathering import AT_ONCE, Gatherer
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.source import SourceId
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["ObservationOpener"]


Requests = Sequence[tuple[int, EvaluationRequest]]


# One per consuming process, stateless. Evaluations that begin together are read
# together.
class ObservationOpener:
    """Read what evaluations start from."""

    def __init__(self, *, store: Store, clock: Clock, debounce: Debounce) -> None:
        self._store = store
        self._clock = clock
        self._debounce = debounce
        self._together = Gatherer(self._read, most=AT_ONCE)

    async def open(self, source: SourceId) -> HeadObservation | None:
        """Read what an evaluation starts from; None when nobody requests it now.

        Raises:
            TransientError: The database did not answer.
        """
        opened = await self._together.ask(source)
        if isinstance(opened, HeadObservation):
            return opened
        async with self._store.transaction() as tx:
            await tx.evaluation_queue.settle(
                source,
                # Settled by id: a source without launchers may have got one, and a
                # request, since the reading transaction.
                ids=[request_id for request_id, _ in opened],
                now=self._clock.now(),
                debounce=self._debounce,
            )
        return None

    async def _read(
        self, ids: Sequence[SourceId]
    ) -> Sequence[HeadObservation | Requests]:
        """Read several; those that are not to be evaluated give their requests."""
        # Without a transaction, in this order: a source that another evaluation
        # advanced after its requests were read is evaluated once more for those.
        async with self._store.reading(is_single=True) as tx:
            # The requests are read before the head. One that arrives later is not
            # answered by this evaluation and stays queued: its push may be newer than
            # the head that is read next.
            requests = await tx.evaluation_queue.requests_of(ids)
            now = self._clock.now()
            wanted = {
                source: believed((request for _, request in asked), now=now)
                for source, asked in requests.items()
            }
            records = await tx.deliveries.some(
                {delivery for some in wanted.values() for delivery in some}
            )
            found = await tx.sources.get_many(ids)
        sources = {source.id: source for source in found}
        announced = {record.id: record for record in records}
        return [
            HeadObservation(
                source=sources[id_],
                requests=requests[id_],
                started_at=now,
                claims=push_claims(wanted[id_], announced),
            )
            if id_ in sources and requests.get(id_)
            else requests.get(id_, ())
            for id_ in ids
        ]
