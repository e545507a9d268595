"""Messages of git about repositories that requirements name, as pip and uv show them.

Each was reproduced with pip 26.3 and 23.2.1, and with uv 0.13.9 and 0.6.17, which wraps
at any space what it prints; the one of Git LFS is of bug reports.
"""

from itertools import product
from typing import Final

from service.build_failures.messages import LFS, Rule, rule
from service.domain.building.failure import FailureClass

__all__ = ["OF_GIT"]

_SPACE: Final = r"[ \n│]+"
_WHAT: Final = r"(?P<what>[A-Za-z0-9][\w.-]*+(?=[@\[ ])|[^`\s]++)"
_OF: Final = "`{what}{name}`"


def _wrapped(words: str) -> str:
    """Return a pattern with any space in place of each, as where lines are wrapped."""
    return words.replace(" ", _SPACE)


_INSIDE: Final = r"(?:(?!Git operation)[\s\S]){0,1500}?"
_BY_UV: Final = (
    rf"(?:`{_WHAT}[^`]*+`\n[ \t]*(?:cause:|├─▶) Git operation failed\n"
    rf"|^error: Git operation failed\n[\s\S]{{0,600}}?{_wrapped('--update-head-ok ')}"
    r"'(?P<name>[^'\n]{1,1500})')"
)
_BY_PIP: Final = (
    rf"^[ \t]*(?:Collecting|Obtaining) {_WHAT}(?P<name>)[^\n]*\n"
    # The requirement that pip was at: no other one begins before the error.
    r"(?:(?![ \t]*(?:Processing|Obtaining|Collecting) )[^\n]*\n){0,80}?[^\n]*?"
)
_ENDS: Final = (
    r"[\s\S]{0,800}?^\W{0,9}git (?:clone|checkout|fetch|submodule) "
    r"[^\n]{0,1000}did not run successfully"
)


def _absent(pattern: str) -> Rule:
    return rule(
        pattern,
        FailureClass.NO_SUCH_VERSION,
        f"the repository of {_OF} has no branch, tag or commit `{{ref}}`",
        "check its spelling, and whether it was pushed; a force push removes commits",
        is_installers=True,
    )


def _refused(pattern: str, message: str, hint: str) -> Rule:
    return rule(pattern, FailureClass.CLONE_FAILED, message, hint, is_installers=True)


_REFUSALS: Final = (
    (
        r"Host key verification failed|Permission denied \(publickey",
        f"git is to reach the repository of {_OF} by ssh, for which builds have no key",
        "name it by https://, where everybody may read it",
    ),
    (
        LFS,
        f"files of the repository of {_OF} could not be fetched from Git LFS",
        "they may have been removed, or the quota of its owner is used up",
    ),
    (
        (
            r"could not read Username|Authentication failed|prompts disabled"
            r"|returned error: 40[13]"
        ),
        f"the repository of {_OF} is private, or not there",
        "builds have no account there; name one that everybody may read",
    ),
    (
        (
            r"repository '[^'\n]{1,1500}' (?:does not exist|not found)"
            r"|does not appear to be a git repository|returned error: 4(?:04|10)"
        ),
        f"the repository of {_OF} is not there",
        "it was deleted, moved or made private",
    ),
    ("", f"the repository of {_OF} could not be cloned", "it is gone or private"),
)

OF_GIT: Final = (
    rule(
        r"Cannot find command 'git'|Git executable not found",
        FailureClass.INTERNAL,
        "a requirement is in a repository of git, which is not installed for builds",
        "let the operator install git",
        is_installers=True,
    ),
    _absent(
        _BY_PIP
        + r"(?:pathspec '|not our ref |remote ref )(?P<ref>[^'\s]{1,250})['\s]"
        + _ENDS.replace("|submodule", "")
    ),
    _absent(
        f"{_BY_UV}[\\s\\S]{{0,300}}?"
        + _wrapped("failed to (?:fetch|find) [bct]")
        + rf"[a-z, \n│]{{0,60}}`(?P<ref>[^`]{{1,250}})`{_INSIDE}"
        + _wrapped("(?:(?:not our|find remote) ref|fatal: ambiguous argument)")
    ),
    *(
        _refused(f"{before}{_wrapped(f'(?:{words})')}{after}", message, hint)
        for (before, after), (words, message, hint) in product(
            ((f"{_BY_UV}{_INSIDE}", ""), (_BY_PIP, _ENDS)), _REFUSALS
        )
    ),
    _refused(
        r"Git operation failed|^\W{0,9}git (?:clone|checkout|fetch|submodule) "
        r"[^\n]{0,1000}did not run successfully",
        "the repository of a requirement could not be cloned",
        "it is gone or private",
    ),
    rule(
        r"`(?P<what>[^`\s#]++)[^`\s]*+`"
        + _wrapped(r" has no subdirectory ")
        + r"`(?P<folder>[^`\n]+)`",
        FailureClass.BAD_DEFINITION,
        "there is no `{folder}` in the repository of `{what}`",
        "correct what follows subdirectory=",
        is_installers=True,
    ),
)
