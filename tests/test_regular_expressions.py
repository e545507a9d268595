"""No regular expression of ours takes more than linear time on what strangers write.

Found by structure (`tests.support.ambiguity`), so this cannot depend on the machine.
"""

import ast
import importlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from service.adapters.kubernetes.diagnosis.registry_messages import OF_REGISTRY
from service.build_failures.classify import classify, match_rules
from service.build_failures.install_messages import OF_INSTALL
from service.build_failures.messages import OF_CLONE, OF_MACHINE
from service.definitions.poetry import git_urls
from service.domain.building.failure import FailureClass
from service.redaction import redact_credentials
from tests.support.ambiguity import find_ambiguity

ROOT = Path(__file__).parents[1]
USES = {"findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn"}
BOUNDED = (
    # Read in the sandbox, with a limit of processor time that the kernel keeps.
    "service/definitions/",
    # In the worker of a build, which has a deadline.
    "service/adapters/local/worker/",
)
"""Where a pattern may take the square of a text's length, but no more."""
MADE_AT_RUN_TIME = {
    "service/logs.py": "our own secrets, each taken literally",
    "service/build_failures/messages.py": "the rules, which are tried below",
    "service/build_failures/locate.py": "a key, taken literally, in a line of a file",
    "service/definitions/local/code.py": "patterns of this module",
    "service/definitions/poetry/git_urls.py": "poetry's own, which are tried below",
    "service/domain/rights/grants.py": "an operator's rule, for a short path",
    "service/adapters/kubernetes/diagnosis/phases.py": "a number of spaces",
}


@dataclass(frozen=True)
class Use:
    """A pattern, and how it is used."""

    file: str
    line: int
    pattern: str | bytes
    flags: int
    method: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.method} {self.pattern!r}"


def files() -> Iterator[Path]:
    for folder in ("consumers", "handlers", "service"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def uses_of(file: Path) -> Iterator[Use]:
    """Yield the patterns of a module, each with every way in which it is used."""
    tree = ast.parse(file.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    patterns = [item for item in calls if _owner(item) == "re" and item.args]
    if not patterns:
        return
    name = str(file.relative_to(ROOT))
    module = importlib.import_module(name.removesuffix(".py").replace("/", "."))
    names, methods = _names(tree), _methods(calls)
    for call in patterns:
        assert isinstance(call.func, ast.Attribute)
        kind = call.func.attr
        if kind not in {"compile", *USES}:
            continue
        found = _evaluated(call, kind, module)
        if found is None:
            assert name in MADE_AT_RUN_TIME, f"{name}:{call.lineno} is not known"
            continue
        used = {kind} if kind in USES else methods.get(names.get(call, ""), {"search"})
        for method in sorted(used):
            yield Use(name, call.lineno, *found, method)


def _owner(call: ast.Call) -> str | None:
    is_named = isinstance(call.func, ast.Attribute)
    owner = call.func.value if is_named else None  # type: ignore[attr-defined]
    return owner.id if isinstance(owner, ast.Name) else None


def _names(tree: ast.Module) -> Mapping[ast.expr, str]:
    found: dict[ast.expr, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name):
                found[node.value] = target.id
    return found


def _methods(calls: list[ast.Call]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for call in calls:
        owner = _owner(call)
        if owner and isinstance(call.func, ast.Attribute) and call.func.attr in USES:
            found.setdefault(owner, set()).add(call.func.attr)
    return found


def _evaluated(
    call: ast.Call, kind: str, module: ModuleType
) -> tuple[str | bytes, int] | None:
    """Return pattern and flags of a call; None when they are made at run time."""
    place = {"compile": 1, "split": 3, "sub": 4, "subn": 4}.get(kind, 2)
    given = [
        keyword.value for keyword in call.keywords if keyword.arg == "flags"
    ] + call.args[place:]
    try:
        pattern = _value(call.args[0], module)
        flags = int(_value(given[0], module)) if given else 0
    except NameError:
        return None
    if isinstance(pattern, re.Pattern):
        return pattern.pattern, pattern.flags
    return pattern, flags


def _value(expression: ast.expr, module: ModuleType) -> Any:
    code = compile(ast.Expression(expression), module.__name__, "eval")
    return eval(code, dict(vars(module)))  # noqa: S307 - our own source


def test_no_pattern_is_ambiguous() -> None:
    wrong = []
    for use in (item for file in files() for item in uses_of(file)):
        found = find_ambiguity(use.pattern, use.flags, method=use.method)
        is_bounded = use.file.startswith(BOUNDED)
        if found and not (is_bounded and found.kind == "polynomial"):
            wrong.append(f"{use}: {found.kind} on many {found.pump!r}")

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("pattern", "method", "kind"),
    [
        (r"(a+)+b", "match", "exponential"),
        (r"(?:\w+\s?)*$", "match", "exponential"),
        (r"a*a*b", "match", "polynomial"),
        (r"\s+$", "search", "polynomial"),
        (r"\w+@", "search", "polynomial"),
        (r"a+[ab]+a+", "fullmatch", "polynomial"),
        (r"(?<![a-z])\w+@", "search", "polynomial"),
        (r"\s+$", "match", None),
        (r"(?<!\w)\w+@", "search", None),
        (r"\b\w+@", "search", None),
        (r"^\w+@", "search", None),
        (r"a+", "search", None),
        (r"x\s*y", "search", None),
        (r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", "fullmatch", None),
        (r"(?:.*::)?([a-z]+)", "match", None),
        (rb"\w{1,9}\d+x", "match", None),
    ],
)
def test_ambiguous_patterns_are_told_from_others(
    pattern: str | bytes, method: str, kind: str | None
) -> None:
    found = find_ambiguity(pattern, method=method)

    assert (found and found.kind) == kind


@pytest.mark.parametrize(
    "pattern", [pattern for some in git_urls.PATTERNS.values() for pattern in some]
)
def test_addresses_of_repositories_are_bounded(pattern: re.Pattern[str]) -> None:
    """They have 2,000 characters at most; poetry's own patterns take the cube."""
    found = find_ambiguity(pattern.pattern, pattern.flags, method="match")

    assert found is None or found.kind == "polynomial"


BUILD_OUTPUT = {
    "one word": "x",
    "a path": "/x",
    "blank lines": "\n",
    "indented lines": "\n ",
    "quotas": "quota x",
    "colons": ": ",
    "parentheses": "Package x (",
    "scripts": "Bad script (",
    "reasons": "So, x\n",
    "reasons in a line": "Because x, ",
    "channels": "PackagesNotFoundError:",
    "lists": "PackagesNotFoundError:\n x\n",
    "versions": "Current Python version (",
    "requirements": "Invalid requirement: ",
    "hashes": "DO NOT MATCH THE HASHES",
    "a lock": "Failed to parse uv.lock",
    "builds": "Failed to build `",
    "providers": "nothing provides x",
    "trees": "└─ x ",
    "tokens": "eyJxxxxxxxxx",
    "authorization": "authorization:\t",
}
LITTLE = 5.0
"""Seconds of processor time for every rule together; some took a minute and a half."""


@pytest.mark.parametrize("unit", BUILD_OUTPUT.values(), ids=BUILD_OUTPUT)
@pytest.mark.parametrize("length", [1900, 1 << 20], ids=["lines", "one line"])
def test_no_output_of_a_build_takes_long_to_classify(unit: str, length: int) -> None:
    """A build prints what it likes, and its failure is explained in our process."""
    line = unit * (length // len(unit))
    said = redact_credentials("\n".join([line] * ((1 << 20) // length)))
    began = time.process_time()

    for rules in (OF_MACHINE, OF_CLONE, OF_INSTALL, OF_REGISTRY):
        match_rules(said, rules, {})
    classify(phase="build", lines=said.split("\n"), code=1, files={})

    assert time.process_time() - began < LITTLE


def test_processes_that_the_kernel_refuses_are_a_limit() -> None:
    """As seen of a build that forks without end, as a user who is not root."""
    said = "BlockingIOError: [Errno 11] Resource temporarily unavailable"

    found = classify(phase="build", lines=[said], code=1, files={})

    assert found.kind is FailureClass.PROCESS_LIMIT


def test_a_line_of_any_number_is_no_place() -> None:
    said = f"Failed to parse: pyproject.toml\n at line {'9' * 1500}\n ^^^\n why"
    found = classify(phase="build", lines=said.split("\n"), code=1, files={})

    assert found.line is not None
    assert found.line < 10**9
