"""A hook speaks about what it is bound to, and nothing else."""

from dataclasses import replace
from urllib.parse import quote

from service.domain.hook import Hook, Reach
from service.domain.repository import Repository
from service.errors import ForeignRepositoryError

__all__ = ["bound"]


def bound(hook: Hook, *, path: str, number: int | None) -> Repository:
    """Return the repository of a payload, in the hook's words.

    Host and URL are the hook's: a payload cannot send anybody anywhere. Path and
    number are the payload's, once it is the hook's repository: its number decides,
    and its path only as long as the hook knows no number.

    Raises:
        ForeignRepositoryError: The payload is about another repository.
    """
    own = hook.repository
    is_own = number == own.number and path == own.path
    if is_own and hook.reach is Reach.REPOSITORY:
        return own  # nearly always
    claimed = Repository(
        host=own.host, path=path.strip("/"), url=own.url, number=number
    )
    if not hook.covers(claimed):
        raise ForeignRepositoryError(
            f"the delivery is about {path[:200]} (number {number}); this hook is "
            f"bound to {_bound_to(hook)}"
        )
    return claimed if hook.reach is Reach.REPOSITORY else _one_of_many(hook, claimed)


def _one_of_many(hook: Hook, claimed: Repository) -> Repository:
    """Return a repository of a wide hook, at its place on the hook's host.

    Whoever owns an organisation has its hook's secret and could name the number of
    somebody else's repository, so there the path counts alone. Only the forge itself
    speaks for a whole host.
    """
    root = hook.repository.url.removesuffix(hook.repository.path).rstrip("/")
    return replace(
        claimed,
        url=f"{root}/{quote(claimed.path)}.git",
        number=claimed.number if hook.reach is Reach.HOST else None,
    )


def _bound_to(hook: Hook) -> str:
    if hook.reach is Reach.REPOSITORY:
        return f"{hook.repository.path} (number {hook.repository.number})"
    return f"every repository of {hook.repository.url}"
