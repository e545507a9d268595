"""Messages of poetry about its lock file, with their failures.

Each was reproduced with poetry 1.8.3 or 2.5.1. Where a lock was merged or edited by
hand, poetry says the name of the key that it misses, or less.
"""

from typing import Final

from service.build_failures.messages import rule
from service.domain.building.failure import FailureClass

__all__ = ["LOCK_AGAIN", "OF_POETRY_LOCK"]

LOCK_AGAIN: Final = "run `poetry lock` and commit the result"

OF_POETRY_LOCK: Final = (
    rule(
        r"(?:poetry\.lock is not up to date with|changed significantly since "
        r"poetry\.lock was last generated)",
        FailureClass.STALE_LOCK,
        "poetry.lock does not belong to this pyproject.toml",
        LOCK_AGAIN,
        about="poetry.lock",
    ),
    rule(
        r"Unable to read the lock file \((?P<why>.{0,1000})\)",
        FailureClass.STALE_LOCK,
        "poetry.lock cannot be read: {why}",
        LOCK_AGAIN,
        about="poetry.lock",
    ),
    rule(
        r"The lock file (?P<why>does not have a metadata entry|is not compatible)",
        FailureClass.STALE_LOCK,
        "poetry cannot use its lock file, which {why}",
        LOCK_AGAIN,
        about="poetry.lock",
    ),
    rule(
        r"Installing dependencies from lock file\s*\n\s*'(?P<has>[\w-]{1,40})'[ \t]*$",
        FailureClass.STALE_LOCK,
        "poetry.lock cannot be read: a `{has}` is missing in it",
        LOCK_AGAIN,
        about="poetry.lock",
    ),
    rule(
        r"Installing dependencies from lock file\s*\n\s*(?P<why>Invalid PEP 440 version"
        r"[^\n]{0,200}|Invalid python versions[^\n]{0,200}|expected string or bytes"
        r"[^\n]{0,200}|'(?:str|int|list)' object has no attribute[^\n]{0,200}"
        r"|AssertionError)",
        FailureClass.STALE_LOCK,
        "poetry.lock cannot be read: {why}",
        LOCK_AGAIN,
        about="poetry.lock",
    ),
)
