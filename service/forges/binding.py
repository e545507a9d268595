"""A hook speaks about what it is bound to, and nothing else.

Who a repository is, is established by asking its forge, never by a payload:
whoever has a hook's secret could sign any name and any number. A payload may only
suggest that there is something to evaluate.
"""

from dataclasses import replace
from urllib.parse import quote

from service.domain.hook import Hook, Reach
from service.domain.push import Suggestion
from service.domain.repository import Repository
from service.errors import ForeignRepositoryError

__all__ = ["bound", "suggested"]


def bound(hook: Hook, *, path: str, number: int | None) -> Repository:
    """Return the repository of a payload, in the hook's words.

    Of a hook of one repository everything is the hook's own: the payload shows by the
    name, or by the number that an evaluation has found, that it is meant.

    Raises:
        ForeignRepositoryError: The payload is about another repository.
    """
    own = hook.repository
    if hook.reach is not Reach.REPOSITORY:
        return _one_of_many(hook, path=path, number=number)
    is_named = path == own.path or _at(own, path).label == own.label
    is_numbered = own.number is not None and number == own.number
    if not (is_named or is_numbered):
        raise _foreign(hook, path, number)
    return own


def suggested(
    repository: Repository, *, path: str, number: int | None
) -> Suggestion | None:
    """Return what a payload calls a repository that is known otherwise.

    Args:
        repository: As it is known here.
        path: Its name in the payload.
        number: Its number there.
    """
    is_known = number is None or number == repository.number
    if is_known and path == repository.path:
        return None  # nearly always, once an evaluation has found the number
    is_named = _at(repository, path).label == repository.label
    if is_known and is_named:
        return None
    return Suggestion(
        path=repository.path if is_named else path.strip("/"),
        number=None if is_known else number,
    )


def _one_of_many(hook: Hook, *, path: str, number: int | None) -> Repository:
    """Return a repository of a wide hook, at its place on the hook's host.

    Whoever owns an organisation has its hook's secret and could name the number of
    somebody else's repository, so there the path counts alone. Only the forge itself
    speaks for a whole host; its number finds who follows a renamed repository.
    """
    claimed = _at(hook.repository, path)
    if not hook.covers(claimed):
        raise _foreign(hook, path, number)
    root = hook.repository.url.removesuffix(hook.repository.path).rstrip("/")
    return replace(
        claimed,
        url=f"{root}/{quote(claimed.path)}.git",
        number=number if hook.reach is Reach.HOST else None,
    )


def _at(repository: Repository, path: str) -> Repository:
    return replace(repository, path=path.strip("/"), number=None)


def _foreign(hook: Hook, path: str, number: int | None) -> ForeignRepositoryError:
    return ForeignRepositoryError(
        f"the delivery is about {path[:200]} (number {number}); this hook is "
        f"bound to {_bound_to(hook)}"
    )


def _bound_to(hook: Hook) -> str:
    if hook.reach is not Reach.REPOSITORY:
        return f"every repository of {hook.repository.url}"
    number = hook.repository.number
    known = f" (number {number})" if number is not None else ""
    return f"{hook.repository.path}{known}"
