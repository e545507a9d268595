"""Read off a push which files of definitions it may have changed: a hint, never a fact.

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

__all__ = ["MAX_PATHS", "is_likely", "likeliest_paths", "read_changed_paths"]

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
_ENDINGS: Final = frozenset(
    {".cfg", ".in", ".lock", ".pip", ".toml", ".txt", ".yaml", ".yml"}
)


# Tuples, and nothing that the collector walks: with lists, a body of 40,000 commits
# that name nothing takes 150 ms.
class _Commit(msgspec.Struct, frozen=True, gc=False):
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()


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
    return likeliest_paths(islice(_paths(payload), _MAX_RANKED))


def likeliest_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Choose from the paths of a push those that a definition most likely reads."""
    ranked = {path: rank for path in paths if (rank := _rank(path))}
    likeliest = sorted(ranked, key=lambda path: (ranked[path], path.count("/"), path))
    return tuple(likeliest[:MAX_PATHS])


def is_likely(path: str) -> bool:
    """Return whether a path looks like a definition's, and not only its ending."""
    return 0 < _rank(path) <= _LIKELY


def _paths(payload: _Payload) -> Iterator[str]:
    """Yield what was pushed, the newest commit first: forges send it last."""
    for commit in reversed(payload.commits):
        yield from commit.added
        yield from commit.modified


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
    return 4 if ending == ".py" else 0
