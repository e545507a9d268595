"""What is wrong with requirements files as a whole, though each line can be read.

https://pip.pypa.io/en/stable/topics/secure-installs/
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from service.definitions.declared import always_holds
from service.definitions.options import HASHES
from service.definitions.requirements import Wish
from service.definitions.wishes import Local, Named, Remote

__all__ = ["Pins", "Spot", "Trouble"]


MAX_PINS: Final = 50
"""Of one name, that are compared with each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a line stands."""

    path: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why pip would fail."""

    code: str
    spot: Spot
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pin:
    spot: Spot
    thing: Named | Local | Remote
    text: str
    hashes: tuple[str, ...]
    is_editable: bool
    is_constraint: bool
    is_certain: bool
    """It is installed whatever Python and machine the image has."""

    @property
    def has_hash(self) -> bool:
        return bool(self.hashes) or any(
            f"{mark}{kind}=" in self.thing.url for kind in HASHES for mark in "#&"
        )


@dataclass(slots=True)
class Pins:
    """Everything that was asked for, from all files."""

    _pins: list[_Pin] = field(default_factory=list)

    def add(
        self, wish: Wish, thing: Named | Local | Remote, spot: Spot, *, role: str
    ) -> None:
        """Note a requirement or a constraint."""
        self._pins.append(
            _Pin(
                spot=spot,
                thing=thing,
                text=wish.text,
                hashes=wish.hashes,
                is_editable=wish.is_editable,
                is_constraint=role == "constraint",
                is_certain=always_holds(thing.marker),
            )
        )

    def troubles(self, flags: set[str]) -> Iterator[Trouble]:
        """Say what pip would refuse, given what it is told about hashes."""
        named: dict[str, list[_Pin]] = {}
        for pin in self._pins:
            if pin.thing.name and (pin.is_certain or pin.is_constraint):
                named.setdefault(pin.thing.name, []).append(pin)
        for pins in named.values():
            yield from _conflict([pin for pin in pins if pin.is_certain])
        for pin in self._pins:
            yield from _hopeless(pin)
        is_strict = any(pin.hashes for pin in self._pins) or "require-hashes" in flags
        if is_strict and "no-require-hashes" not in flags:
            yield from self._unhashed()

    def _unhashed(self) -> Iterator[Trouble]:
        hashed = {pin.thing.name for pin in self._pins if pin.has_hash}
        wanted = [pin for pin in self._pins if not pin.is_constraint and pin.is_certain]
        missing = [
            pin
            for pin in wanted
            if not pin.has_hash and (not pin.thing.name or pin.thing.name not in hashed)
        ]
        for pin in missing[:1]:
            yield Trouble(code="hash_missing", spot=pin.spot, why=_unhashable(pin))


def _unhashable(pin: _Pin) -> str:
    rest = "; once one requirement has a hash, pip demands one of all of them."
    rest += " Give this one a hash, too, or leave out all of them"
    if isinstance(pin.thing, Local) and not pin.thing.path.endswith(_FILES):
        return f"{pin.text} is a folder, which cannot have a hash{rest}"
    if pin.thing.url.startswith(_REPOSITORIES):
        return f"{pin.text} is a repository, which cannot have a hash{rest}"
    return f"{pin.text} has no --hash{rest}"


_FILES: Final = (".whl", ".zip", ".gz", ".bz2", ".xz", ".tgz", ".tar")
_REPOSITORIES: Final = ("git+", "hg+", "svn+", "bzr+")


def _hopeless(pin: _Pin) -> Iterator[Trouble]:
    """Say when no hash of a requirement can be that of any file."""
    if pin.hashes and pin.is_certain and not pin.is_constraint:
        if any(_is_hash(value) for value in pin.hashes):
            return
        yield Trouble(
            code="bad_hash",
            spot=pin.spot,
            why=f"--hash={pin.hashes[0]} is no hash of any file: expected"
            f" {HASHES[pin.hashes[0].partition(':')[0]]} digits 0-9 and a-f",
        )


def _is_hash(value: str) -> bool:
    kind, _, digits = value.lower().partition(":")
    return len(digits) == HASHES[kind] and not set(digits) - set("0123456789abcdef")


def _conflict(pins: list[_Pin]) -> Iterator[Trouble]:
    """Say when no version fits everything that is asked of one name."""
    asked = [
        (pin, pin.thing.versions)
        for pin in pins
        if isinstance(pin.thing, Named) and not pin.thing.url
    ]
    if len(asked) > MAX_PINS or all(pin.is_constraint for pin, _ in asked):
        return
    for place, (pin, versions) in enumerate(asked):
        for version in _exact(versions):
            for other, others in (*asked[:place], *asked[place + 1 :], asked[place]):
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


def _bound(found: tuple[_Pin, Version]) -> Version:
    return found[1]


def _exact(versions: SpecifierSet) -> Iterator[Version]:
    for part in versions:
        if part.operator == "==" and not part.version.endswith(".*"):
            yield Version(part.version)


def _allows(versions: SpecifierSet, version: Version) -> bool:
    try:
        if any(part.operator == "===" for part in versions):
            return True
        # An index may have local builds of a version, such as 2.1+cpu; they fit it.
        return versions.contains(version, prereleases=True) or any(
            found.public == version.public and found.local
            for found in _exact(versions)
            if not version.local
        )
    except InvalidSpecifier:
        return True


def _clash(one: _Pin, other: _Pin) -> Trouble:
    first, second = one, other
    if first.spot.path == second.spot.path and first.spot.line > second.spot.line:
        first, second = second, first
    if first.is_constraint:
        first, second = second, first
    where = f"line {first.spot.line}"
    if first.spot.path != second.spot.path:
        where += f" of {first.spot.path}"
    return Trouble(
        code="conflict",
        spot=second.spot,
        why=f"no version fits both {second.text} and {first.text} in {where};"
        " loosen one of them, or take it out",
    )
