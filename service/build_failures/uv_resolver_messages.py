"""Messages of uv's resolver, which derives step by step why nothing fits.

Each message was reproduced with uv 0.13.9. A locked project meets them where a package
has to be built: what its build requires is resolved then.
"""

from typing import Final

from service.build_failures.messages import CHECK_NAME, TAKE_ANOTHER, rule
from service.domain.building.failure import FailureClass

__all__ = ["OF_UV_RESOLVER"]

# Possessive, and from a word's first letter: a build prints words of any length.
_NAME: Final = r"(?<![\w.-])(?P<what>[A-Za-z0-9][\w.-]*+)"
_NEEDED: Final = (
    r"(?: and (?:all versions of )?(?P<by>(?!your\b|you\b)[\w.-]+)\S* depends? on)?"
)

OF_UV_RESOLVER: Final = (
    rule(
        rf"{_NAME}(?P<has>==\S++) was yanked(?: \(reason: (?P<why>[^)\n]{{0,200}})\))?",
        FailureClass.NO_SUCH_VERSION,
        "`{what}{has}` was withdrawn from the index: {why}",
        TAKE_ANOTHER,
    ),
    rule(
        rf"{_NAME}(?:[=<>]=?\S++)? has no wheels with a matching Python",
        FailureClass.UNSUPPORTED_PYTHON,
        "the index has no file of `{what}` for this Python",
        "take another version, or another Python",
    ),
    rule(
        rf"{_NAME}(?:[=<>]=?\S++)? has no wheels with a matching platform",
        FailureClass.NO_SUCH_VERSION,
        "the index has no file of `{what}` for this system",
        TAKE_ANOTHER,
    ),
    rule(
        r"Python version \((?P<has>[^)\n]{1,200})\) does not satisfy Python"
        rf"(?P<needs>\S+) and {_NAME}\S* depends on Python",
        FailureClass.UNSUPPORTED_PYTHON,
        "`{what}` needs Python {needs}, and the project allows {has}",
        "narrow the project's Python, or take another version",
    ),
    rule(
        rf"{_NAME} was not found in the (?:package registry|provided package locations)"
        rf"{_NEEDED}",
        FailureClass.NO_SUCH_PACKAGE,
        "there is no package `{what}` in the index",
        CHECK_NAME,
    ),
    rule(
        rf"there are no versions of {_NAME}{_NEEDED}",
        FailureClass.NO_SUCH_PACKAGE,
        "the index has no version of `{what}`",
        CHECK_NAME,
    ),
    rule(
        rf"there is no version of {_NAME}(?P<has>[=<>!~]\S+){_NEEDED}",
        FailureClass.NO_SUCH_VERSION,
        "there is no version that fits `{what}{has}`",
    ),
    rule(
        rf"Because only {_NAME}(?P<has>[=<>!~]\S+) (?:is|are) available{_NEEDED}"
        r"(?: and your? (?:project depends on|require))? ?"
        r"(?P<wanted>[\w.-]+[=<>!~][^\s,]+)",
        FailureClass.NO_SUCH_VERSION,
        "there is no version that fits `{wanted}`, and the index has {what}{has}",
    ),
    rule(
        r"No solution found when resolving[^\n]*\n[ \t]*cause: (?P<why>[^\n]{1,600})"
        r"(?:[\s\S]{0,2000}?your project depends on (?P<what>[\w.-]+))?",
        FailureClass.CONFLICT,
        "requirements exclude each other: {why}",
        "loosen one of the pins",
    ),
)
