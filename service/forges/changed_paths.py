"""Read off a push what it may have changed of definitions: a hint, never a fact.

Pushes of GitHub, GitLab and Gitea list the paths of their commits, up to some number:
https://docs.github.com/en/webhooks/webhook-events-and-payloads#push,
https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events. An
evaluation asks for them together with the head, which spares it further requests;
what counts is what the forge then answers.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec

from service.definitions.kinds.names import CANDIDATES, LOCKS

__all__ = [
    "MAX_PATHS",
    "is_likely",
    "likeliest_paths",
    "may_be_read",
    "read_changed_paths",
]

MAX_PATHS: Final = 20
"""Paths of one push that are kept; a definition has a dozen files."""
_LONGEST: Final = 200
"""Characters of a path that is kept."""
_LARGEST: Final = 128 * 1024
"""Bytes of a body that is looked into: a larger one would hold up other deliveries for
milliseconds, for a hint."""
_MAX_RANKED: Final = 500
"""Paths of one push that are ranked; the others are left out."""
_NAMES: Final = frozenset(
    (*CANDIDATES, *LOCKS, "Pipfile.lock", "poetry.lock", "setup.py", "setup.cfg")
)
_INCLUDED: Final = re.compile(r"require|constrain|environment|deps|lock", re.IGNORECASE)
_LIKELY: Final = 2
_PROGRAM: Final = 4
_OTHER: Final = 5
"""What shows that a directory changed, and no more."""
_ENDINGS: Final = frozenset(
    {".cfg", ".in", ".lock", ".pip", ".toml", ".txt", ".yaml", ".yml"}
)


# Tuples, and nothing that the collector walks: with lists, a body of 40,000 commits
# that name nothing takes 150 ms.
class _Commit(msgspec.Struct, frozen=True, gc=False):
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class _Payload(msgspec.Struct, frozen=True, gc=False):
    commits: tuple[_Commit, ...] = ()


_DECODER: Final = msgspec.json.Decoder(_Payload)


def read_changed_paths(body: bytes) -> tuple[str, ...]:
    """Return the paths that a definition most likely reads, the likeliest first.

    Empty where the payload names none, or is not as expected.

    Args:
        body: The body of a verified delivery.
    """
    if len(body) > _LARGEST:
        return ()
    try:
        payload = _DECODER.decode(body)
    # What is no JSON or does not fit is a `ValueError`.
    except (ValueError, RecursionError):
        return ()
    return likeliest_paths(
        islice(_paths(payload), _MAX_RANKED), islice(_removed(payload), _MAX_RANKED)
    )


def likeliest_paths(
    paths: Iterable[str], removed: Iterable[str] = ()
) -> tuple[str, ...]:
    """Choose from the paths of a push those that a definition most likely reads.

    Of a directory of which none is likely read there is one: code that is installed
    counts by its directories.

    Args:
        paths: What is there after the push.
        removed: What is not, or was at some moment.
    """
    ranked = {path: rank for path in paths if (rank := _rank(path))}
    gone = {path: _OTHER for path in removed if _rank(path)}
    ranked = gone | ranked
    likeliest = sorted(ranked, key=lambda path: (ranked[path], path.count("/"), path))
    chosen: list[str] = []
    folders = set[str]()
    for path in likeliest:
        folder = posixpath.dirname(path)
        if ranked[path] < _OTHER or folder not in folders:
            chosen.append(path)
        folders.add(folder)
    return tuple(chosen[:MAX_PATHS])


def is_likely(path: str) -> bool:
    """Return whether a path looks like a definition's, and not only its ending."""
    return 0 < _rank(path) <= _LIKELY


def may_be_read(path: str) -> bool:
    """Return whether a definition may read such a file."""
    return 0 < _rank(path) <= _PROGRAM


def _paths(payload: _Payload) -> Iterator[str]:
    """Yield what was pushed, the newest commit first: forges send it last."""
    for commit in reversed(payload.commits):
        yield from commit.added
        yield from commit.modified


def _removed(payload: _Payload) -> Iterator[str]:
    for commit in reversed(payload.commits):
        yield from commit.removed


def _rank(path: str) -> int:
    """Return how likely a definition reads a path, from 1 on; 0 for not at all."""
    parts = path.split("/")
    # isprintable refuses control characters and halves of characters.
    is_path = 0 < len(path) <= _LONGEST and path.isprintable()
    if not is_path or any(part in {"", ".", ".."} for part in parts):
        return 0
    name = posixpath.basename(path)
    if name in _NAMES:
        return 1
    ending = posixpath.splitext(name)[1]
    if ending in _ENDINGS:
        return _LIKELY if _INCLUDED.search(path) else 3
    return _PROGRAM if ending == ".py" else _OTHER
