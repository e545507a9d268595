"""Accounts at forges: the host of an API, and the token for it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from service.adapters.forge_api.errors import UnprovenAnswerError
from service.domain.hook import Secret
from service.domain.repository import Repository, is_loopback
from service.errors import InvalidRequestError

__all__ = ["Account", "relocate_repository"]

LONGEST_PATH: Final = 1024
"""Characters; the nested groups of GitLab reach some hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A host and the token for its API."""

    host: str
    """As in `Repository.host`: lower case, with the port unless it is the default."""
    token: Secret | None
    """None for anonymous requests."""

    @property
    def url(self) -> str:
        """The root URL of the host: https, and http only on the loopback interface.

        So a token is never sent unencrypted over a network, whatever scheme a
        repository's URL has.
        """
        return f"{'http' if is_loopback(self.host) else 'https'}://{self.host}"


def relocate_repository(
    repository: Repository, *, path: str, number: int
) -> Repository:
    """Return a repository with the path and number that its forge reports now.

    Raises:
        UnprovenAnswerError: The path cannot be that of a repository.
    """
    # The URL is built from the host that was asked. The URLs in an answer could name
    # another host, which would then be cloned from.
    if path == repository.path:
        return replace(repository, number=number)
    scheme = repository.url.partition("://")[0]
    is_plain = path.isprintable() and len(path) <= LONGEST_PATH
    # The path comes from an answer and becomes part of a URL that git clones: it must
    # be one repository below the same host.
    if is_plain and not {"", ".", ".."} & {*path.split("/")}:
        url = f"{scheme}://{repository.host}/{path}.git"
        with suppress(InvalidRequestError):
            moved = Repository.from_url(url, number=number)
            if moved.path == path:
                return moved
    raise UnprovenAnswerError(
        f"{repository.host} gives {path[:200]!a} as the path of a repository"
    )
