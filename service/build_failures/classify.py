"""Classify a failed build by the log of the tool that failed. Pure."""

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Final

from service.build_failures.build_blocks import blank_builds
from service.build_failures.build_output import BuildCause, find_cause, hint_about
from service.build_failures.indexes.odd_indexes import explain_odd_index
from service.build_failures.indexes.unfound import explain_unfound
from service.build_failures.install_messages import OF_INSTALL
from service.build_failures.locate import (
    NOWHERE,
    SourceLocation,
    find_key,
    find_line,
    find_project,
    find_reported,
    find_requirement,
)
from service.build_failures.messages import OF_CLONE, OF_MACHINE, Rule
from service.build_failures.package_origin import Origin, find_origin
from service.build_failures.pip_log import unfold_pip_log
from service.domain.building.failure import Failure, FailureClass

__all__ = ["classify", "last_message", "match_rules"]

_OURS: Final = frozenset({"restore", "frontend"})
"""Phases that install only tools that the builder chose, not the user."""
_IGNORED: Final = re.compile(r"Retrying \(Retry\(total=[1-9]|^WARNING: Location ")
_HOST: Final = re.compile(
    r"(?:https?://(?:…@)?|host='|resolve host:? |connect to (?!server))"
    r"([\w.-]+(?::\d+)?)"
)
_NOISE: Final = re.compile(
    r"^[ \t]*(?:$|note: |hint: |\[end of output\]|WARNING: |\[notice\])"
)
_BUILT: Final = re.compile(
    r"(?:Failed to (?:download and )?build|installing build dependencies for"
    r"|poetry but (?:one of the following issues )?with"
    r"|Cannot resolve build-system\.requires for)"
    r" [`']?([A-Za-z0-9][\w.-]*)"
)
"""The package of which a build failed, which may be the only one that is named."""
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
    lines = unfold_pip_log(lines)
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
    failure = (
        explain_odd_index(blank_builds(text), files)
        or explain_unfound(text, files)
        or match_rules(text, OF_INSTALL, files)
    )
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
    of_installer = blank_builds(text)
    for rule in rules:
        if match := rule.pattern.search(of_installer if rule.is_installers else text):
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
    package = values.get("url") or values.get("what") or values.get("name", "")
    # What names no package, such as a full disk, is not about the last one either.
    origin = find_origin(package, text) if package else Origin()
    cause = find_cause(text) if rule.shows_error else BuildCause(message="")
    values["error"] = cause.message
    built = _BUILT.search(text) if rule.kind.is_final else None
    values["built"] = built[1] if built else ""
    values = {name: _from_root(value) for name, value in values.items()}
    values.setdefault("path", rule.about)
    location = _locate_code(cause, origin)
    if location == NOWHERE:
        location = _find_location(rule, values, origin, files)
    # Only our own words are formats: a build may print `{name}` as well.
    hint = rule.hint.format_map(values)
    if rule.shows_error:
        known = hint_about(cause, is_local=origin.directory is not None)
        hint = hint if known is None else known
    sentence = " ".join(rule.message.format_map(values).split()).rstrip(" :,")
    return Failure(
        kind=rule.kind,
        message=location.before(sentence),
        hint=hint,
        path=location.path,
        line=location.line,
        is_doubtful=rule.is_doubtful,
    )


def _find_location(
    rule: Rule, values: Mapping[str, str], origin: Origin, files: Mapping[str, str]
) -> SourceLocation:
    """Find the line of the definition that a message is about."""
    location = NOWHERE
    if origin.line:
        location = _locate({"path": origin.path, "line": origin.line}, files)
    if location == NOWHERE and origin.directory is not None and not rule.about:
        location = find_project(origin.directory, files)
    if location == NOWHERE:
        location = _locate(values, files)
    if location == NOWHERE and rule.line is not None:
        location = find_line(rule.line, files, is_constraint=rule.is_constraint)
    if location == NOWHERE and rule.about:
        location = find_key(values.get("key") or rule.key, rule.about, files)
    return location


def _from_root(value: str) -> str:
    """Show paths from the root of the repository.

    The builder's own directory means nothing to a user.
    """
    value = re.sub(r"(?:file://)?/\S{0,500}/source(?=$|[\s'\"`])", ".", value)
    value = value.removeprefix("file://") if value.startswith("file://.") else value
    value = "." if value == "./." else value
    return re.sub(r"(?<![^\s'\"`(])(?:file://)?/\S{0,500}/source/", "", value)


def _locate_code(cause: BuildCause, origin: Origin) -> SourceLocation:
    """Return the line of the repository's own code that failed a build."""
    if not cause.path or origin.directory is None:
        return NOWHERE
    path = _from_root(cause.path)
    if path == cause.path:  # as the build named it, from its own directory
        path = posixpath.normpath(posixpath.join(origin.directory, path))
    return SourceLocation(path=path, line=cause.line)


def _host_near(text: str, match: re.Match[str]) -> str:
    """Return the server that a message is about; most tools print it nearby."""
    # More before than after: the URL mostly stands before the cause.
    hosts = _HOST.findall(text[max(0, match.start() - 600) : match.end() + 300])
    return hosts[-1] if hosts else ""


def _locate(values: Mapping[str, str], files: Mapping[str, str]) -> SourceLocation:
    """Return the location in the message, or the line of the requirement it names."""
    if line := values.get("line"):
        # A build prints what it likes, and int() raises for more than 4,300 digits.
        return find_reported(values.get("path", ""), int(line[:9]), files)
    # What needs it comes after it: the definition may name both.
    for group in ("what", "name", "by", "built"):
        location = find_requirement(values.get(group, ""), files)
        if location != NOWHERE:
            return location
    return NOWHERE


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
