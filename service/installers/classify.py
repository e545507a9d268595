"""Tell from what a tool said why a build failed. Pure: a log in, a failure out."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from service.domain.failure import Failure, FailureClass
from service.installers.install_messages import OF_INSTALL
from service.installers.locate import (
    NOWHERE,
    Place,
    find_file,
    find_key,
    find_name,
    find_text,
    name_of,
)
from service.installers.messages import OF_CLONE, OF_MACHINE, Rule

__all__ = ["by_rules", "classify", "last_words"]

_OURS: Final = frozenset({"restore", "frontend"})
"""Phases in which only tools of the builder's own choice are installed."""
_PASSED_OVER: Final = re.compile(r"Retrying \(Retry\(total=[1-9]|^WARNING: Location ")
_IGNORED_RELEASE: Final = re.compile(
    r"(?P<version>[0-9][\w.+!]*) Requires-Python (?P<python>[^;]+)"
)
_ERROR_IN_BUILD: Final = re.compile(
    r"^[\s│|]*((?:[A-Za-z_.]+(?:Error|Exception)|error|fatal error): .+)$", re.MULTILINE
)
_HOST: Final = re.compile(
    r"(?:https?://(?:…@)?|host='|resolve host:? |connect to (?!server))"
    r"([\w.-]+(?::\d+)?)"
)
_OUTER: Final = re.compile(r"error: (?:subprocess-exited|Failed to (?:build|prepare))")
_CAUSE: Final = re.compile(r"^\s*cause: (.+)$", re.MULTILINE)
_NOISE: Final = re.compile(
    r"^\s*(?:$|note: |hint: |\[end of output\]|WARNING: |\[notice\])"
)
_KILLED: Final = frozenset({-9, 137})


def classify(
    *, phase: str, lines: Sequence[str], code: int, files: Mapping[str, str]
) -> Failure:
    """Say in one sentence why a tool failed.

    Args:
        phase: Which part of the build it was.
        lines: The last lines it said.
        code: Its exit status; negative for a signal.
        files: The definition and what it includes, by path in the repository, the
            definition first.
    """
    text = "\n".join(it for it in lines if not _PASSED_OVER.search(it))
    failure = by_rules(text, OF_MACHINE, files)
    if failure is not None:
        return failure
    if code in _KILLED:
        return _killed()
    if phase == "clone":
        return by_rules(text, OF_CLONE, files) or _unknown(phase, lines)
    failure = _python_too_old(text, files) or by_rules(text, OF_INSTALL, files)
    if phase in _OURS and not _is_outside(failure):
        return _own_tools(phase, lines)
    return failure or _unknown(phase, lines)


def by_rules(
    text: str, rules: Sequence[Rule], files: Mapping[str, str]
) -> Failure | None:
    """Return what the first rule that matches makes of a text; None when none does."""
    for rule in rules:
        if match := rule.pattern.search(text):
            return _told(rule, match, text, files)
    return None


def _told(
    rule: Rule, match: re.Match[str], text: str, files: Mapping[str, str]
) -> Failure:
    found = {name: value.strip() for name, value in match.groupdict("").items()}
    found["host"] = _host_near(text, match)
    found["error"] = _error_in_build(text) if rule.shows_error else ""
    # A path in the builder's folders means nothing to a user.
    found = {name: re.sub(r"(?<!\S)\S*/source/", "", it) for name, it in found.items()}
    place = _place(found, files)
    if place == NOWHERE and rule.about:
        place = find_key(found.get("key") or rule.key, rule.about, files)
    sentence = " ".join(rule.message.format_map(found).split()).rstrip(" :,")
    return Failure(
        kind=rule.kind,
        message=f"{place}: {sentence}" if place.path else sentence,
        hint=rule.hint.format_map(found),
        path=place.path,
        line=place.line,
    )


def _host_near(text: str, match: re.Match[str]) -> str:
    """Return the server that a message is about, for most tools name it nearby."""
    hosts = _HOST.findall(text[max(0, match.start() - 600) : match.end() + 300])
    return hosts[-1] if hosts else ""


def _place(found: Mapping[str, str], files: Mapping[str, str]) -> Place:
    """Take the place that the message names, or look for what it is about."""
    if line := found.get("line"):
        return Place(path=find_file(found.get("path", ""), files), line=int(line))
    for text in (found.get("what", ""), found.get("name", "")):
        place = find_name(name_of(text), files)
        if place == NOWHERE:
            place = find_text(text, files)
        if place != NOWHERE:
            return place
    return NOWHERE


def _python_too_old(text: str, files: Mapping[str, str]) -> Failure | None:
    """Tell a version that needs another Python from one that does not exist."""
    wanted = re.search(r"that satisfies the requirement (.+?) \(from ", text)
    ignored = re.search(r"that require a different python version: (.+)", text)
    if not wanted or not ignored:
        return None
    try:
        requirement = Requirement(wanted[1])
    except InvalidRequirement:
        return None
    for release in _IGNORED_RELEASE.finditer(ignored[1]):
        if requirement.specifier.contains(release["version"], prereleases=True):
            place = find_name(requirement.name, files)
            where = f"{place}: " if place.path else ""
            return Failure(
                kind=FailureClass.UNSUPPORTED_PYTHON,
                message=f"{where}`{wanted[1]}` needs Python {release['python'].strip()}"
                ", and the environment has another",
                hint="ask for a version that supports the environment's Python",
                path=place.path,
                line=place.line,
            )
    return None


def _is_outside(failure: Failure | None) -> bool:
    """Say whether the way to a server is at fault, whoever wanted something of it."""
    if failure is None:
        return False
    return failure.kind.is_transient or failure.kind is FailureClass.CERTIFICATE


def _killed() -> Failure:
    return Failure(
        kind=FailureClass.OUT_OF_MEMORY,
        message="a tool was killed by the system; most likely the memory ran out",
        hint="ask for less at once, or for packages that need not be compiled",
    )


def _own_tools(phase: str, lines: Sequence[str]) -> Failure:
    what = "its own tools" if phase == "restore" else "the frontend"
    return Failure(
        kind=FailureClass.INTERNAL,
        message=f"the builder could not install {what}: {last_words(lines)}",
    )


def _unknown(phase: str, lines: Sequence[str]) -> Failure:
    return Failure(
        kind=FailureClass.UNKNOWN,
        message=f"the {phase} failed: {last_words(lines)}",
        hint="the log of the build says more",
    )


def last_words(lines: Sequence[str]) -> str:
    """Return the last line that says something."""
    told = (it.strip() for it in reversed(lines) if not _NOISE.search(it))
    return next(told, "it said nothing")[:300]


def _error_in_build(text: str) -> str:
    """Return the last error inside a package's own build."""
    inside = text.partition("[end of output]")[0]
    errors = [it for it in _ERROR_IN_BUILD.findall(inside) if not _OUTER.match(it)]
    causes = errors or _CAUSE.findall(text)
    return causes[-1][:200] if causes else ""
