"""Statuses of commits at every forge that we have a token for."""

from collections.abc import Callable
from dataclasses import replace

from service.domain.notice import Notice
from service.domain.repository import CommitSha, Repository
from service.errors import RemoteRefusedError
from service.ports.notices import Notices
from service.redaction import redacted

__all__ = ["RoutedNotices", "cut"]


def cut(text: str, most: int) -> str:
    """Return a text in one line of so many characters at most."""
    line = " ".join("".join(it if it.isprintable() else " " for it in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


class RoutedNotices:
    """Implements the port `Notices` for all hosts.

    Args:
        open_api: Makes what posts to a host; None where nothing is to be posted.
    """

    def __init__(self, *, open_api: Callable[[str], Notices | None]) -> None:
        self._open_api = open_api
        self._apis: dict[str, Notices | None] = {}

    def can_post(self, repository: Repository) -> bool:
        return self._api(repository.host) is not None

    async def post(
        self, repository: Repository, commit: CommitSha, notice: Notice
    ) -> None:
        api = self._api(repository.host)
        if api is None:
            raise RemoteRefusedError(f"no status is to be posted to {repository.host}")
        # Before it is cut: a credential that lost its end looks like none.
        said = replace(notice, description=redacted(notice.description))
        await api.post(repository, commit, said)

    def _api(self, host: str) -> Notices | None:
        if host not in self._apis:
            self._apis[host] = self._open_api(host)
        return self._apis[host]
