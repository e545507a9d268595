"""Following a source as the evaluate consumer does, without a store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from service.adapters.git import GitRemote
from service.domain.evaluation import (
    Judgement,
    Looked,
    RefGone,
    SameHead,
    judge,
    seen_after,
)
from service.domain.source import Revision, Source, SourceId
from service.look import look
from service.ports.remote import Remote
from tests.support.repos import Repo
from tests.support.sandbox import SANDBOX
from tests.support.ways import MetByApi

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Follower:
    """Looks at a source again and again and remembers what it saw."""

    source: Source
    remote: Remote
    looked: Looked | SameHead | RefGone | None = None
    """What the last look found."""

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
        if isinstance(repo, MetByApi):
            return cls(source, repo.remote)
        return cls(source, GitRemote(environment={}, allow_files=True))

    async def look(self) -> Judgement:
        """Look at the head and advance the source."""
        source = self.source
        self.looked = await look(
            self.remote,
            source.repository,
            source.revision,
            source.context_dir,
            sandbox=SANDBOX,
            known=source.seen,
        )
        judgement = judge(source, self.looked)
        self.source = replace(
            source,
            generation=source.generation + 1,
            seen=seen_after(source, self.looked, AT),
        )
        return judgement

    @property
    def paths(self) -> Sequence[str]:
        """The closure that was last seen."""
        return [it.path for it in self.source.seen.items] if self.source.seen else []
