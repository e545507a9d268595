"""Explain why pip found no version of a requirement that it could take.

It ends with one sentence for a package that is not there, that has no file for this
Python, that was withdrawn, and whose index refused or was out of order. What sets them
apart stands before that sentence, or only in pip's own log (`PIP_LOG`): where a builder
has that, it adds what `pick_notes` finds there. Formats are those of pip 26.3.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.build_failures.index_messages import FORBIDS, LET_IN, NO_ENTRY
from service.build_failures.locate import find_requirement, name_of
from service.build_failures.messages import (
    CHECK_NAME,
    DAMAGED,
    NETWORK,
    TAKE_ANOTHER,
    TRIED_AGAIN,
    UNREACHABLE,
)
from service.domain.building.failure import Failure, FailureClass

__all__ = [
    "explain_unfound",
    "forbids_index",
    "has_found_nothing",
    "is_doubtful",
    "pick_notes",
]

_WANTED: Final = re.compile(
    r"that satisfies the requirement (?P<what>.{1,500}?) "
    r"\(from (?:(?!-r |versions)(?P<by>[\w.-]+))?"
)
_NOTHING: Final = "(from versions: none)"
_LOGGED: Final = "Fetching project page and analyzing links: "
"""What only pip's own log has."""
_NO_INDEX: Final = re.compile(r"(?:^|[ \t\-\"'])--no-index\b", re.MULTILINE)
_FETCHING: Final = re.compile(
    r"Could not fetch URL (?P<url>\S{1,1000}?):? "
    r"(?P<why>[^\n]{1,600})"
)
_STATUS: Final = re.compile(r"\b(\d{3}) (?:Client|Server) Error|too many (\d{3}) error")
_ABSENT: Final = frozenset({"404", "410"})
_CLOSED: Final = frozenset({"401", "407"})
_FORBIDDEN: Final = "403"
"""What some indexes answer for what they lack, too."""
_NOT_ASKED: Final = re.compile(
    r"The repository located at (?P<host>\S{1,300}) is not a trusted or secure host"
)
_UNFIT: Final = re.compile(
    r"Skipping link: none of the wheel's tags \((?P<tags>[^)\n]{1,300})\) are "
    r"compatible[^\n]{0,100}?: (?P<url>\S{1,1000})"
)
_NOTES: Final = (_FETCHING, _UNFIT)
_MOST_NOTES: Final = 20
_NEWER: Final = re.compile(r"that require a different python version: (.+)")
_RELEASE: Final = re.compile(
    r"(?P<version>[0-9][\w.+!]{0,100}) Requires-Python (?P<python>[^;]+)"
)
_YANKED: Final = re.compile(r"Ignored the following yanked versions: (.+)")
_DAMAGED: Final = re.compile(
    r"Requested (?P<what>\S{1,300}) from [^\n]{1,1500} has (?:inconsistent )?"
    r"(?P<why>(?:name|version|invalid metadata): [^\n]{1,300})"
)


@dataclass(frozen=True, slots=True)
class _Reason:
    kind: FailureClass
    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Output:
    text: str
    has_versions: bool
    """Whether pip found some versions; what it did not find then, no index hid."""


_Finder: TypeAlias = Callable[[Requirement, _Output], _Reason | None]


def explain_unfound(text: str, files: Mapping[str, str]) -> Failure | None:
    """Explain why pip found nothing for a requirement; None where it is not known.

    Args:
        text: The end of the log.
        files: The definition and the files that it includes.
    """
    wanted = _WANTED.search(text)
    try:
        requirement = Requirement(wanted["what"]) if wanted else None
    except InvalidRequirement:
        return None
    if wanted is None or requirement is None:
        return None
    line = text[wanted.start() :].partition("\n")[0]
    printed = _Output(text, has_versions=_NOTHING not in line)
    reason = next(filter(None, (find(requirement, printed) for find in _FINDERS)), None)
    if reason is None:
        return None
    location = find_requirement(wanted["what"], files)
    if not location.path:
        location = find_requirement(wanted["by"] or "", files)
    return Failure(
        kind=reason.kind,
        message=location.before(reason.sentence),
        hint=reason.hint,
        path=location.path,
        line=location.line,
    )


def has_found_nothing(lines: Iterable[str]) -> bool:
    """Return whether pip found no version at all, so that its log may show why."""
    return any(_NOTHING in line for line in lines)


def is_doubtful(text: str, files: Mapping[str, str]) -> bool:
    """Return whether pip's output leaves open why it found no version at all.

    Args:
        text: The end of the log.
        files: The definition and the files that it includes.
    """
    return (
        _NOTHING in text
        and _LOGGED not in text
        and not forbids_index((text, *files.values()))
    )


def forbids_index(texts: Iterable[str]) -> bool:
    """Return whether a command or a file tells pip to ask no index."""
    return any(_NO_INDEX.search(text) for text in texts)


def pick_notes(lines: Sequence[str], log: Iterable[str]) -> tuple[str, ...]:
    """Return the lines of pip's own log about what it found nothing of.

    Args:
        lines: What pip printed.
        log: Its log.
    """
    wanted = {
        canonicalize_name(name_of(match["what"]))
        for line in lines
        if (match := _WANTED.search(line))
    }
    notes = dict.fromkeys(
        match[0]
        for line in log
        for pattern in _NOTES
        if (match := pattern.search(line)) and _names(match["url"], wanted)
    )
    # That there is nothing is what pip has printed already, except where another index
    # refuses.
    is_forbidden = any(_status_in(note) == _FORBIDDEN for note in notes)
    picked = [note for note in notes if is_forbidden or _status_in(note) not in _ABSENT]
    return tuple(picked)[:_MOST_NOTES]


def _names(url: str, wanted: Iterable[str]) -> bool:
    return canonicalize_name(name_of(url)) in wanted


def _status_in(why: str) -> str:
    status = _STATUS.search(why)
    return next(filter(None, status.groups()), "") if status else ""


def _needs_other_python(wanted: Requirement, printed: _Output) -> _Reason | None:
    for ignored in _NEWER.findall(printed.text):
        for release in _RELEASE.finditer(ignored):
            if wanted.specifier.contains(release["version"], prereleases=True):
                return _Reason(
                    FailureClass.UNSUPPORTED_PYTHON,
                    f"`{wanted}` needs Python {release['python'].strip()}, and the"
                    " environment has another",
                    "ask for a version that supports the environment's Python",
                )
    return None


def _was_not_answered(wanted: Requirement, printed: _Output) -> _Reason | None:
    asked = {} if printed.has_versions else _answers_about(wanted, printed.text)
    closed = _first(asked, _CLOSED)
    forbidden = _first(asked, {_FORBIDDEN})
    if closed or (forbidden and _ABSENT.isdisjoint(asked.values())):
        entry = NO_ENTRY.format(what=closed or forbidden)
        return _Reason(FailureClass.INDEX_REFUSED, entry, LET_IN)
    if forbidden:
        return _Reason(
            FailureClass.NO_SUCH_PACKAGE,
            f"there is no package `{wanted.name}` in the index",
            f"{CHECK_NAME}; {FORBIDS.format(what=forbidden)}",
        )
    if url := _first(asked, set(asked.values()) - _ABSENT):
        return _Reason(NETWORK.kind, UNREACHABLE.format(host=url), TRIED_AGAIN)
    return None


def _first(asked: Mapping[str, str], codes: Collection[str]) -> str:
    """Return the first page that was answered by one of some statuses."""
    return next((url for url, code in asked.items() if code in codes), "")


def _answers_about(wanted: Requirement, text: str) -> Mapping[str, str]:
    """Return the pages that pip could not use for a package, and their status."""
    return {
        asked["url"]: _status_in(asked["why"])
        for asked in _FETCHING.finditer(text)
        if _names(asked["url"], {canonicalize_name(wanted.name)})
        and "ssl certificate" not in asked["why"]
    }


def _was_withdrawn(wanted: Requirement, printed: _Output) -> _Reason | None:
    for yanked in _YANKED.findall(printed.text):
        fitting = [
            version
            for version in yanked.split(", ")
            if wanted.specifier.contains(version.strip(), prereleases=True)
        ]
        if fitting:
            return _Reason(
                FailureClass.NO_SUCH_VERSION,
                f"what fits `{wanted}` was withdrawn from the index: "
                f"{', '.join(fitting)[:200]}",
                TAKE_ANOTHER,
            )
    return None


def _is_damaged(wanted: Requirement, printed: _Output) -> _Reason | None:
    for found in _DAMAGED.finditer(printed.text):
        if canonicalize_name(name_of(found["what"])) == canonicalize_name(wanted.name):
            return _Reason(
                FailureClass.BAD_DEFINITION,
                DAMAGED.format(what=wanted.name, why=found["why"]),
                TAKE_ANOTHER,
            )
    return None


def _has_no_fitting_file(wanted: Requirement, printed: _Output) -> _Reason | None:
    for file in _UNFIT.finditer(printed.text):
        if _names(file["url"], {canonicalize_name(wanted.name)}):
            return _Reason(
                FailureClass.UNSUPPORTED_PYTHON,
                f"the index has no file of `{wanted}` for this Python and system; it"
                f" has one for {file['tags'].partition(',')[0]}",
                "take another version, or another Python",
            )
    return None


def _was_not_asked(wanted: Requirement, printed: _Output) -> _Reason | None:
    index = None if printed.has_versions else _NOT_ASKED.search(printed.text)
    if index is None:
        return None
    return _Reason(
        FailureClass.INDEX_REFUSED,
        f"pip does not look for `{wanted}` in {index['host']}, an index without HTTPS",
        "name it by https://, or add --trusted-host",
    )


_FINDERS: Final[tuple[_Finder, ...]] = (
    _needs_other_python,
    _was_not_answered,
    _was_withdrawn,
    _is_damaged,
    _has_no_fitting_file,
    _was_not_asked,
)
