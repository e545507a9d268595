"""What the options of requirements files come to.

Pip changes one finder and one session while it reads, line by line and file by file,
and installs when it has read everything: what counts is where it ends.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from packaging.utils import canonicalize_name

from service.definitions.requirements import Given, Options

__all__ = ["Effects"]

_ALL: Final = ":all:"
_NONE: Final = ":none:"
_FLAGS: Final = frozenset(
    {"prefer-binary", "require-hashes", "no-require-hashes"}
    | {"trusted-host", "use-feature"}
)


@dataclass(slots=True)
class Effects:
    """A change of pip's finder: by one line, or by all lines of a file."""

    has_no_index: bool = False
    """From now on, whatever follows."""
    index: str | None = None
    """Takes the place of every index before it, of extra ones, too."""
    extras: dict[str, None] = field(default_factory=dict)
    links: dict[str, None] = field(default_factory=dict)
    flags: set[tuple[str, str]] = field(default_factory=set)
    controls: dict[tuple[str, str], None] = field(default_factory=dict)
    """Each one sets names to a value, so only its last place counts."""

    def add(self, line: Options, links: str | None) -> None:
        """Add a line of options.

        Args:
            line: What is given on it.
            links: What its first `--find-links` leads to; pip drops the others.
        """
        names = {name for name, _ in line.given}
        values = [(name, value) for name, value in line.given if value]
        indexes = [value for name, value in values if name == "index-url"]
        extras = [value for name, value in values if name == "extra-index-url"]
        self._find(
            has_no_index="no-index" in names,
            index=indexes[-1] if indexes else None,
            extras=extras,
        )
        if links is not None:
            self.links.setdefault(links)
        self.flags.update(option for option in line.given if option[0] in _FLAGS)
        self.control(line.controls)
        if "pre" in names:
            self.control((("pre", ""),))

    def control(self, given: Given) -> None:
        """Add what pip obeys on any line."""
        for option in given:
            self.controls.pop(option, None)
            self.controls[option] = None

    def then(self, other: "Effects") -> None:
        """Add the effects of a file that is included here."""
        self._find(
            has_no_index=other.has_no_index, index=other.index, extras=other.extras
        )
        self.links.update(other.links)
        self.flags |= other.flags
        self.control(tuple(other.controls))

    def names_source(self) -> bool:
        """Say whether packages come from anywhere but the usual index."""
        return self.has_no_index or bool(self.index or self.extras or self.links)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Write the end of it: equal for what is equal to pip."""
        if self.has_no_index:
            yield ("option", "no-index")
        elif self.index is not None or self.extras:
            yield ("indexes", self.index or "", *_but(self.extras, self.index))
        if self.links:
            yield ("links", *self.links)
        yield from (("option", *flag) for flag in sorted(self.flags))
        for wanted, unwanted in (
            ("no-binary", "only-binary"),
            ("all-releases", "only-final"),
        ):
            for name, values in self._settle(wanted, unwanted).items():
                if values:
                    yield ("option", name, ",".join(sorted(values)))

    def _find(
        self, *, has_no_index: bool, index: str | None, extras: Iterable[str]
    ) -> None:
        if self.has_no_index or has_no_index:
            self.has_no_index, self.index, self.extras = True, None, {}
            return
        if index is not None:
            self.index, self.extras = index, {}
        for extra in extras:
            self.extras.setdefault(extra)

    def _settle(self, wanted: str, unwanted: str) -> dict[str, set[str]]:
        """Apply options that exclude each other, as pip does."""
        state: dict[str, set[str]] = {wanted: set(), unwanted: set()}
        for name, value in self.controls:
            if name == "pre" and wanted == "all-releases":
                state[wanted].add(_ALL)
            elif name in state:
                other = unwanted if name == wanted else wanted
                _apply(value, state[name], state[other])
        return state


def _but(values: Iterable[str], one: str | None) -> list[str]:
    return [value for value in values if value != one]


def _apply(value: str, target: set[str], other: set[str]) -> None:
    names = value.split(",")
    while _ALL in names:
        other.clear()
        target.clear()
        target.add(_ALL)
        names = names[names.index(_ALL) + 1 :]
        if _NONE not in names:
            return
    for name in names:
        if name == _NONE:
            target.clear()
            continue
        target.add(canonicalize_name(name))
        other.discard(canonicalize_name(name))
