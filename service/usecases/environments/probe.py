"""Read a repository before a launcher of it is made: what would be built, and how."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from service.domain.definition import ABSENT, Definition
from service.domain.evaluation.comparison import Observed
from service.domain.findings import Finding, Severity
from service.domain.repository import Repository
from service.domain.rights.caller import Caller
from service.domain.source import Head, Revision
from service.errors import (
    InvalidRequestError,
    NotFoundError,
    RemoteRefusedError,
    TransientError,
)
from service.ports.builder import BuilderIdentity
from service.ports.remote import ProbedRemote
from service.ports.sandbox import Sandbox
from service.usecases.observe import observe
from service.usecases.platform.probe_limit import ProbeLimit

__all__ = ["RepositoryProber", "RepositoryReport"]

_MOST_BRANCHES = 200
"""More than anybody chooses from; the others can be typed."""
_WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryReport:
    """What a repository holds for a build, as it is now."""

    url: str
    suggested_name: str
    commit: str
    branch: str
    """What was read: the default branch, or the revision that was named."""
    is_private: bool = False
    kind: str = ""
    """The kind of the definition; empty without one."""
    path: str = ""
    python: str = ""
    files: Sequence[str] = ()
    """Everything that the environment depends on."""
    branches: Sequence[str] = ()
    """What there is to choose from; empty where that is not known."""
    problem: str = ""
    """Why there is nothing to build; empty with a definition."""
    findings: Sequence[Finding] = ()
    """Worst first."""

    @property
    def can_be_built(self) -> bool:
        """Whether there is a definition, and nothing in it that makes a build fail."""
        has_error = any(each.severity is Severity.ERROR for each in self.findings)
        return bool(self.kind) and not has_error


class RepositoryProber:
    """Report on repositories that nobody follows yet.

    Args:
        remote: Reads repositories with the installation's credentials.
        anonymous_remote: Reads them as anybody may.
        sandbox: Parses definitions.
        builder: Says how what it builds differs from the documentation.
        allow_files: Whether `file://` repositories may be read.
        limit: Bounds what is read at once.
    """

    def __init__(
        self,
        *,
        remote: ProbedRemote,
        anonymous_remote: ProbedRemote,
        sandbox: Sandbox,
        builder: BuilderIdentity,
        allow_files: bool,
        limit: ProbeLimit,
    ) -> None:
        self._limit = limit
        self._remote = remote
        self._anonymous_remote = anonymous_remote
        self._sandbox = sandbox
        self._builder = builder
        self._allow_files = allow_files

    async def probe(
        self, caller: Caller, url: str, *, revision: str = "", context_dir: str = ""
    ) -> RepositoryReport:
        """Report on a repository.

        Raises:
            InvalidRequestError: The URL is none that can be built, or not allowed.
            NotFoundError: There is no such repository or revision; or it is private,
                and the caller is no administrator: one answer.
            TransientError: The forge did not answer, or too many ask.
        """
        repository = Repository.from_url(url)
        if repository.is_folder and not self._allow_files:
            raise InvalidRequestError(
                "repositories on the service's machine may not be followed here; "
                "expected https://…",
                field="repository",
            )
        # The installation may read what the caller may not.
        is_trusted = caller.may_administer
        remote = self._remote if is_trusted else self._anonymous_remote
        async with self._limit.slot(repository.host):
            return await self._read(
                remote,
                repository,
                revision,
                context_dir,
                is_trusted=is_trusted,
            )

    async def _read(
        self,
        remote: ProbedRemote,
        repository: Repository,
        revision: str,
        context_dir: str,
        *,
        is_trusted: bool,
    ) -> RepositoryReport:
        try:
            observed = await observe(
                remote,
                repository,
                Revision.from_text(revision),
                context_dir,
                sandbox=self._sandbox,
            )
        except RemoteRefusedError as exc:
            raise NotFoundError(str(exc), field="repository") from exc
        if not isinstance(observed, Observed):
            raise NotFoundError(
                f"{repository.url} has no {revision or 'commit'}",
                field="revision" if revision else "repository",
            )
        if observed.head.is_private and not is_trusted:
            raise NotFoundError(
                f"{repository.url} does not exist, or it is private; a private one is "
                "linked to a project by an administrator",
                field="repository",
            )
        report = self._report(repository, observed, revision)
        return replace(report, branches=await _branches(remote, repository))

    def _report(
        self, repository: Repository, observed: Observed, revision: str
    ) -> RepositoryReport:
        found = observed.found
        report = RepositoryReport(
            url=repository.url,
            suggested_name=repository.path.rpartition("/")[2] or repository.host,
            commit=observed.head.commit,
            branch=_branch(observed.head) or revision,
            is_private=bool(observed.head.is_private),
            files=[item.path for item in found.items if item.mode != ABSENT],
            findings=_worst_first(found.findings),
        )
        if not isinstance(found, Definition):
            return replace(report, problem=found.message)
        remarks = self._builder.remarks(found.kind)
        return replace(
            report,
            kind=found.kind.value,
            path=found.path,
            python=found.python or "",
            findings=_worst_first((*found.findings, *remarks)),
        )


async def _branches(remote: ProbedRemote, repository: Repository) -> Sequence[str]:
    # A help for whoever fills the form, and no reason to show none.
    with suppress(RemoteRefusedError, TransientError):
        return await remote.branches(repository, limit=_MOST_BRANCHES)
    return ()


def _worst_first(findings: Sequence[Finding]) -> Sequence[Finding]:
    return sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.severity))


def _branch(head: Head) -> str:
    ref = head.ref or ""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
