"""Following a source as the evaluate consumer does, without a store."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from service.adapters.git.remote import GitRemote
from service.definitions.known_readings import KnownReadings
from service.domain.evaluation.comparison import (
    Comparison,
    HeadUnchanged,
    Observed,
    RefMissing,
    compare,
    update_seen,
)
from service.domain.source import Revision, Source, SourceId
from service.ports.remote import Remote
from service.ports.sandbox import Sandbox
from service.usecases.observe import observe
from tests.support.repos import Repo
from tests.support.sandbox import SANDBOX
from tests.support.ways import MetByApi, MetByHttp

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Follower:
    """Looks at a source again and again and remembers what it saw."""

    source: Source
    remote: Remote
    looked: Observed | HeadUnchanged | RefMissing | None = None
    """What the last look found."""
    readings: KnownReadings = field(default_factory=KnownReadings)
    sandbox: Sandbox = SANDBOX

    @classmethod
    def of(
        cls, repo: Repo, *, revision: str | None = None, context_dir: str = ""
    ) -> "Follower":
        source = Source(
            id=SourceId("source"),
            repository=repo.repository,
            revision=Revision.from_text(revision),
            context_dir=context_dir,
            created_at=AT,
        )
        if isinstance(repo, MetByApi | MetByHttp):
            return cls(source, repo.remote)
        return cls(source, GitRemote(environment={}, allow_files=True))

    async def look(self) -> Comparison:
        """Look at the head and advance the source."""
        source = self.source
        self.observed = await observe(
            self.remote,
            source.repository,
            source.revision,
            source.context_dir,
            sandbox=self.sandbox,
            known=source.seen,
            readings=self.readings,
        )
        comparison = compare(source, self.observed)
        self.source = replace(
            source,
            generation=source.generation + 1,
            seen=update_seen(source, self.observed, AT),
        )
        return comparison

    @property
    def paths(self) -> Sequence[str]:
        """The closure that was last seen."""
        return (
            [item.path for item in self.source.seen.items] if self.source.seen else []
        )
