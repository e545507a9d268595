"""Classify a failed build by the log of the tool that failed. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from service.build_failures.install_messages import OF_INSTALL
from service.build_failures.locate import (
    NOWHERE,
    SourceLocation,
    find_file,
    find_key,
    find_line,
    find_name,
    find_text,
    name_of,
)
from service.build_failures.messages import OF_CLONE, OF_MACHINE, Rule
from service.domain.building.failure import Failure, FailureClass

__all__ = ["classify", "last_message", "match_rules"]

_OURS: Final = frozenset({"restore", "frontend"})
"""Phases that install only tools that the builder chose, not the user."""
_IGNORED: Final = re.compile(r"Retrying \(Retry\(total=[1-9]|^WARNING: Location ")
_IGNORED_RELEASE: Final = re.compile(
    r"(?P<version>[0-9][\w.+!]{0,100}) Requires-Python (?P<python>[^;]+)"
)
_ERROR_IN_BUILD: Final = re.compile(
    r"^[ \t│|]*((?:[A-Za-z_.]+(?:Error|Exception)|error|fatal error): .+)$",
    re.MULTILINE,
)
_HOST: Final = re.compile(
    r"(?:https?://(?:…@)?|host='|resolve host:? |connect to (?!server))"
    r"([\w.-]+(?::\d+)?)"
)
_OUTER: Final = re.compile(r"error: (?:subprocess-exited|Failed to (?:build|prepare))")
_CAUSE: Final = re.compile(r"^[ \t]*cause: (.+)$", re.MULTILINE)
_NOISE: Final = re.compile(
    r"^[ \t]*(?:$|note: |hint: |\[end of output\]|WARNING: |\[notice\])"
)
_LONGEST_LINE: Final = 2000
"""Characters; error messages of tools are shorter."""
_MOST_TEXT: Final = 128 * 1024
"""Characters; six hundred lines of real logs have half of that."""
_KILLED: Final = frozenset({-9, 137})


def classify(
    *, phase: str, lines: Sequence[str], code: int, files: Mapping[str, str]
) -> Failure:
    """Return the class, message and hint of a tool's failure.

    Args:
        phase: The phase of the build.
        lines: The last lines of the log.
        code: The exit status; negative for a signal.
        files: The definition and the files that it includes, by path in the
            repository, the definition first.
    """
    text = _truncate("\n".join(line for line in lines if not _IGNORED.search(line)))
    # First what no definition causes, a full disk or the end of the memory: the
    # installer's own message beside it is only a consequence.
    failure = match_rules(text, OF_MACHINE, files)
    if failure is not None:
        return failure
    # Without a message SIGKILL is mostly the kernel, out of memory. A printed cause is
    # more precise, so the rules of the machine come before.
    if code in _KILLED:
        return _out_of_memory()
    # Rules for installers would match git's words ("not found", "does not exist").
    if phase == "clone":
        return match_rules(text, OF_CLONE, files) or _unknown(phase, lines)
    failure = _python_too_old(text, files) or match_rules(text, OF_INSTALL, files)
    # The user did not choose these packages, so a failure to install them is ours,
    # except where the index cannot be reached.
    if phase in _OURS and not _is_outside(failure):
        return _own_tools(phase, lines)
    return failure or _unknown(phase, lines)


def match_rules(
    text: str, rules: Sequence[Rule], files: Mapping[str, str]
) -> Failure | None:
    """Return the failure of the first rule that matches; None without a match."""
    text = _truncate(text)
    for rule in rules:
        if match := rule.pattern.search(text):
            return _make_failure(rule, match, text, files)
    return None


def _truncate(text: str) -> str:
    """Truncate a text to its end, and every line to a bounded length.

    A build can print anything, and some rules search for the end of a message from
    every possible start, which takes time quadratic in the length of a line.
    """
    lines = text[-_MOST_TEXT:].split("\n")
    return "\n".join(line[:_LONGEST_LINE] for line in lines)


def _make_failure(
    rule: Rule, match: re.Match[str], text: str, files: Mapping[str, str]
) -> Failure:
    values = {name: value.strip() for name, value in match.groupdict("").items()}
    values["host"] = _host_near(text, match)
    values["error"] = _error_in_build(text) if rule.shows_error else ""
    # The builder's temporary directory means nothing to a user: paths are shown from
    # the root of the repository.
    values = {
        name: re.sub(r"(?<!\S)\S{0,500}/source/", "", value)
        for name, value in values.items()
    }
    if "path" not in values:
        values["path"] = rule.about
    location = _locate(values, files)
    if location == NOWHERE and rule.line is not None:
        location = find_line(rule.line, files, is_constraint=rule.is_constraint)
    if location == NOWHERE and rule.about:
        location = find_key(values.get("key") or rule.key, rule.about, files)
    sentence = " ".join(rule.message.format_map(values).split()).rstrip(" :,")
    return Failure(
        kind=rule.kind,
        message=f"{location}: {sentence}" if location.path else sentence,
        hint=rule.hint.format_map(values),
        path=location.path,
        line=location.line,
    )


def _host_near(text: str, match: re.Match[str]) -> str:
    """Return the server that a message is about; most tools print it nearby."""
    # More before than after: the URL mostly stands before the cause.
    hosts = _HOST.findall(text[max(0, match.start() - 600) : match.end() + 300])
    return hosts[-1] if hosts else ""


def _locate(values: Mapping[str, str], files: Mapping[str, str]) -> SourceLocation:
    """Return the location in the message, or the line of the requirement it names."""
    if line := values.get("line"):
        return SourceLocation(
            # A build prints what it likes, and int() raises for more than 4,300 digits.
            path=find_file(values.get("path", ""), files),
            line=int(line[:9]),
        )
    for text in (values.get("what", ""), values.get("name", "")):
        location = find_name(name_of(text), files)
        if location == NOWHERE:
            location = find_text(text, files)
        if location != NOWHERE:
            return location
    return NOWHERE


def _python_too_old(text: str, files: Mapping[str, str]) -> Failure | None:
    """Recognize a version that exists, but only for another Python."""
    # pip reports both in the same way as a version that does not exist: only the list
    # of ignored releases shows the difference.
    wanted = re.search(r"that satisfies the requirement (.{1,500}?) \(from ", text)
    ignored = re.search(r"that require a different python version: (.+)", text)
    if not wanted or not ignored:
        return None
    try:
        requirement = Requirement(wanted[1])
    except InvalidRequirement:
        return None
    for release in _IGNORED_RELEASE.finditer(ignored[1]):
        if requirement.specifier.contains(release["version"], prereleases=True):
            location = find_name(requirement.name, files)
            where = f"{location}: " if location.path else ""
            return Failure(
                kind=FailureClass.UNSUPPORTED_PYTHON,
                message=f"{where}`{wanted[1]}` needs Python {release['python'].strip()}"
                ", and the environment has another",
                hint="ask for a version that supports the environment's Python",
                path=location.path,
                line=location.line,
            )
    return None


def _is_outside(failure: Failure | None) -> bool:
    """Return whether the connection to a server failed, or its certificate."""
    if failure is None:
        return False
    return failure.kind.is_transient or failure.kind is FailureClass.CERTIFICATE


def _out_of_memory() -> Failure:
    return Failure(
        kind=FailureClass.OUT_OF_MEMORY,
        message="a tool was killed by the system; most likely the memory ran out",
        hint="ask for less at once, or for packages that need not be compiled",
    )


def _own_tools(phase: str, lines: Sequence[str]) -> Failure:
    what = "its own tools" if phase == "restore" else "the frontend"
    return Failure(
        kind=FailureClass.INTERNAL,
        message=f"the builder could not install {what}: {last_message(lines)}",
    )


def _unknown(phase: str, lines: Sequence[str]) -> Failure:
    return Failure(
        kind=FailureClass.UNKNOWN,
        message=f"the {phase} failed: {last_message(lines)}",
        hint="the log of the build shows more",
    )


def last_message(lines: Sequence[str]) -> str:
    """Return the last line that is not noise."""
    messages = (line.strip() for line in reversed(lines) if not _NOISE.search(line))
    return next(messages, "it printed nothing")[:300]


def _error_in_build(text: str) -> str:
    """Return the last error inside a package's own build."""
    # Pip prints the output of the package's build up to this mark, and its own summary
    # of it after the mark, which names no cause.
    inside = text.partition("[end of output]")[0]
    errors = [
        match for match in _ERROR_IN_BUILD.findall(inside) if not _OUTER.match(match)
    ]
    causes = errors or _CAUSE.findall(text)
    return causes[-1][:200] if causes else ""
