"""Problems of requirements files as a whole: conflicts and missing hashes.

https://pip.pypa.io/en/stable/topics/secure-installs/
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from service.definitions.declared import always_holds
from service.definitions.pip.options import HASHES
from service.definitions.pip.requirement_line import (
    Local,
    NamedRequirement,
    ParsedRequirement,
)
from service.definitions.pip.requirements_txt import RequirementLine

__all__ = ["PinProblem", "Pins", "Spot"]


MAX_PINS: Final = 50
"""Pins of one name that are compared with each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """The position of a requirement."""

    path: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PinProblem:
    """A reason why pip would fail."""

    code: str
    spot: Spot
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pin:
    spot: Spot
    requirement: ParsedRequirement
    text: str
    hashes: tuple[str, ...]
    is_editable: bool
    is_constraint: bool
    is_certain: bool
    """Whether it is installed on every Python and machine of images."""

    @property
    def has_hash(self) -> bool:
        return bool(self.hashes) or any(
            f"{mark}{kind}=" in self.requirement.url for kind in HASHES for mark in "#&"
        )


@dataclass(slots=True)
class Pins:
    """The requirements and constraints of all files."""

    _pins: list[_Pin] = field(default_factory=list)

    def add(
        self,
        line: RequirementLine,
        requirement: ParsedRequirement,
        spot: Spot,
        *,
        role: str,
    ) -> None:
        """Add a requirement or a constraint."""
        self._pins.append(
            _Pin(
                spot=spot,
                requirement=requirement,
                text=line.text,
                hashes=line.hashes,
                is_editable=line.is_editable,
                is_constraint=role == "constraint",
                is_certain=always_holds(requirement.marker),
            )
        )

    def are_exact(self) -> bool:
        """Return whether every file that pip may install is pinned by a hash.

        Once one requirement has a hash, pip requires one for everything, also for
        dependencies.
        """
        # A hash of a constraint counts for the requirement of that name: pip merges
        # both.
        hashed = {pin.requirement.name for pin in self._pins if pin.has_hash}
        wanted = (pin for pin in self._pins if not pin.is_constraint)
        return all(
            pin.has_hash
            or (bool(pin.requirement.name) and pin.requirement.name in hashed)
            for pin in wanted
        )

    def troubles(self, flags: set[str]) -> Iterator[PinProblem]:
        """Yield the conflicts, impossible hashes and missing hashes."""
        named: dict[str, list[_Pin]] = {}
        for pin in self._pins:
            # A requirement under a marker may not apply where the build runs; a
            # conflict with it is no certain failure, and certain ones only are
            # reported.
            if pin.requirement.name and (pin.is_certain or pin.is_constraint):
                named.setdefault(pin.requirement.name, []).append(pin)
        for pins in named.values():
            yield from _conflict([pin for pin in pins if pin.is_certain])
        for pin in self._pins:
            yield from _check_hashes(pin)
        is_strict = any(pin.hashes for pin in self._pins) or "require-hashes" in flags
        if is_strict and "no-require-hashes" not in flags:
            yield from self._find_missing_hash()

    def _find_missing_hash(self) -> Iterator[PinProblem]:
        hashed = {pin.requirement.name for pin in self._pins if pin.has_hash}
        wanted = [pin for pin in self._pins if not pin.is_constraint and pin.is_certain]
        missing = [
            pin
            for pin in wanted
            if not pin.has_hash
            and (not pin.requirement.name or pin.requirement.name not in hashed)
        ]
        # One is enough: a file of 300 lines without hashes would fill the page with the
        # same message.
        for pin in missing[:1]:
            yield PinProblem(
                code="hash_missing", spot=pin.spot, why=_explain_missing_hash(pin)
            )


def _explain_missing_hash(pin: _Pin) -> str:
    rest = "; once one requirement has a hash, pip demands one of all of them."
    rest += " Give this one a hash, too, or leave out all of them"
    if isinstance(pin.requirement, Local) and not pin.requirement.path.endswith(_FILES):
        return f"{pin.text} is a folder, which cannot have a hash{rest}"
    if pin.requirement.url.startswith(_REPOSITORIES):
        return f"{pin.text} is a repository, which cannot have a hash{rest}"
    return f"{pin.text} has no --hash{rest}"


_FILES: Final = (".whl", ".zip", ".gz", ".bz2", ".xz", ".tgz", ".tar")
_REPOSITORIES: Final = ("git+", "hg+", "svn+", "bzr+")


def _check_hashes(pin: _Pin) -> Iterator[PinProblem]:
    """Yield a problem when no hash of a requirement is a valid digest."""
    if pin.hashes and pin.is_certain and not pin.is_constraint:
        if any(_is_hash(value) for value in pin.hashes):
            return
        yield PinProblem(
            code="bad_hash",
            spot=pin.spot,
            why=f"--hash={pin.hashes[0]} is no hash of any file: expected"
            f" {HASHES[pin.hashes[0].partition(':')[0]]} digits 0-9 and a-f",
        )


def _is_hash(value: str) -> bool:
    kind, _, digits = value.lower().partition(":")
    return len(digits) == HASHES[kind] and not set(digits) - set("0123456789abcdef")


def _conflict(pins: list[_Pin]) -> Iterator[PinProblem]:
    """Yield a problem when no version fits all requirements of one name."""
    asked = [
        (pin, pin.requirement.versions)
        for pin in pins
        if isinstance(pin.requirement, NamedRequirement) and not pin.requirement.url
    ]
    # Every pin is compared with every other one. Constraints alone install nothing, so
    # they may contradict each other.
    if len(asked) > MAX_PINS or all(pin.is_constraint for pin, _ in asked):
        return
    for index, (pin, versions) in enumerate(asked):
        for version in _exact(versions):
            for other, others in (*asked[:index], *asked[index + 1 :], asked[index]):
                if not _allows(others, version):
                    yield _clash(pin, other)
                    return
    low = max(_bounds(asked, {">", ">=", "~="}), key=_bound, default=None)
    high = min(_bounds(asked, {"<", "<="}), key=_bound, default=None)
    if low is not None and high is not None and low[1] > high[1]:
        yield _clash(low[0], high[0])


def _bounds(
    asked: list[tuple[_Pin, SpecifierSet]], operators: set[str]
) -> list[tuple[_Pin, Version]]:
    return [
        (pin, Version(part.version))
        for pin, versions in asked
        for part in versions
        if part.operator in operators
    ]


def _bound(bound: tuple[_Pin, Version]) -> Version:
    return bound[1]


def _exact(versions: SpecifierSet) -> Iterator[Version]:
    for part in versions:
        if part.operator == "==" and not part.version.endswith(".*"):
            yield Version(part.version)


def _allows(versions: SpecifierSet, version: Version) -> bool:
    try:
        # Arbitrary equality compares texts, and an index may have any text (PEP 440).
        if any(part.operator == "===" for part in versions):
            return True
        # An index may have local builds of a version, such as 2.1+cpu, which match it.
        return versions.contains(version, prereleases=True) or any(
            exact.public == version.public and exact.local
            for exact in _exact(versions)
            if not version.local
        )
    except InvalidSpecifier:
        return True


def _clash(first: _Pin, second: _Pin) -> PinProblem:
    if first is second:
        return PinProblem(
            code="conflict",
            spot=first.spot,
            why=f"no version fits all of {first.text}, which contradicts itself;"
            " loosen it",
        )
    if first.spot.path == second.spot.path and first.spot.line > second.spot.line:
        first, second = second, first
    if first.is_constraint:
        first, second = second, first
    where = f"line {first.spot.line}"
    if first.spot.path != second.spot.path:
        where += f" of {first.spot.path}"
    return PinProblem(
        code="conflict",
        spot=second.spot,
        why=f"no version fits both {second.text} and {first.text} in {where};"
        " loosen one of them, or take it out",
    )
