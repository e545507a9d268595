"""Post commit statuses to every forge with a token."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from service.domain.commit_status import CommitState, CommitStatus
from service.domain.repository import CommitSha, Repository
from service.errors import RemoteRefusedError
from service.ports.commit_statuses import CommitStatuses
from service.redaction import redact_credentials

__all__ = ["RoutedCommitStatuses", "describe_without_skipped", "truncate"]

_STATES: Final[Mapping[CommitState, str]] = {
    CommitState.PENDING: "pending",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failure",
    # There is no neutral state, and a commit that needs no build is in order.
    CommitState.SKIPPED: "success",
}


def truncate(text: str, max_length: int) -> str:
    """Return a text as one line of at most `max_length` characters."""
    line = " ".join(
        "".join(char if char.isprintable() else " " for char in text).split()
    )
    return line if len(line) <= max_length else f"{line[: max_length - 1]}…"


def describe_without_skipped(
    notice: CommitStatus, *, max_description: int
) -> dict[str, str]:
    """Return the fields of a status where forges know no state `skipped`.

    That is so at GitHub and in most versions of Gitea, which speaks GitHub's form.

    Args:
        notice: The status.
        max_description: How many characters of a description the forge takes.
    """
    fields = {
        "state": _STATES[notice.state],
        "description": truncate(notice.description, max_description),
        "context": notice.context,
    }
    return {**fields, "target_url": notice.url} if notice.url else fields


class RoutedCommitStatuses:
    """Implement the port `CommitStatuses` for all hosts.

    Args:
        open_api: Opens the client of a host; None where no status is to be posted.
    """

    def __init__(self, *, open_api: Callable[[str], CommitStatuses | None]) -> None:
        self._open_api = open_api
        self._apis: dict[str, CommitStatuses | None] = {}

    def can_post(self, repository: Repository) -> bool:
        return self._api(repository.host) is not None

    async def post(
        self, repository: Repository, commit: CommitSha, notice: CommitStatus
    ) -> None:
        api = self._api(repository.host)
        if api is None:
            raise RemoteRefusedError(f"no status is to be posted to {repository.host}")
        # Before truncation: half a URL with a password is not recognized as one.
        safe_notice = replace(
            notice, description=redact_credentials(notice.description)
        )
        await api.post(repository, commit, safe_notice)

    def _api(self, host: str) -> CommitStatuses | None:
        # Opened once, also when there is none: `can_post` is asked for every
        # evaluation.
        if host not in self._apis:
            self._apis[host] = self._open_api(host)
        return self._apis[host]
