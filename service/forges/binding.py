"""A hook speaks about its own repository and no other."""

from dataclasses import replace

from service.domain.hook import Hook
from service.domain.repository import Repository
from service.errors import ForeignRepositoryError

__all__ = ["bound"]


def bound(hook: Hook, *, path: str, number: int) -> Repository:
    """Return the repository of a payload, in the hook's words.

    Host and URL are the hook's: a payload cannot send anybody anywhere. Path and
    number are the payload's, once it is the hook's repository: its number decides,
    and its path only as long as the hook knows no number.

    Raises:
        ForeignRepositoryError: The payload is about another repository.
    """
    claimed = replace(hook.repository, path=path.strip("/"), number=number)
    if not hook.repository.is_same(claimed):
        raise ForeignRepositoryError(
            f"the delivery is about {path[:200]} (number {number}); this hook is "
            f"bound to {hook.repository.path} (number {hook.repository.number})"
        )
    return claimed
