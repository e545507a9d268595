"""The combined effect of the options of requirements files.

Pip has one finder and one session that options change while it parses, line by line and
file by file, and installs afterwards: only the final state counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from packaging.utils import canonicalize_name

from service.definitions.pip.requirements_txt import Given, Options

__all__ = ["Effects"]

_ALL: Final = ":all:"
_NONE: Final = ":none:"
_FLAGS: Final = frozenset(
    {"prefer-binary", "require-hashes", "no-require-hashes"}
    | {"trusted-host", "use-feature"}
)


@dataclass(slots=True)
class Effects:
    """A change of pip's finder, by one line or by all lines of a file."""

    has_no_index: bool = False
    """`--no-index`: it overrides every index, also later ones."""
    index: str | None = None
    """`--index-url`: it replaces every earlier index, also extra ones."""
    extras: dict[str, None] = field(default_factory=dict)
    links: dict[str, None] = field(default_factory=dict)
    flags: set[tuple[str, str]] = field(default_factory=set)
    controls: dict[tuple[str, str], None] = field(default_factory=dict)
    """In order of the last occurrence, which overrides the earlier ones."""

    def add(self, line: Options, links: str | None) -> None:
        """Add a line of options.

        Args:
            line: The options of the line.
            links: The resolved first `--find-links`; pip ignores the others.
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
        """Add options that pip applies on any line."""
        for option in given:
            # A dict keeps the place of the first insertion; pop first, because the last
            # one counts.
            self.controls.pop(option, None)
            self.controls[option] = None

    def then(self, other: "Effects") -> None:
        """Add the effects of an included file."""
        self._find(
            has_no_index=other.has_no_index, index=other.index, extras=other.extras
        )
        self.links.update(other.links)
        self.flags |= other.flags
        self.control(tuple(other.controls))

    def names_source(self) -> bool:
        """Return whether packages come from another source than the default index."""
        return self.has_no_index or bool(self.index or self.extras or self.links)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows of the final state: equal for equal states of pip."""
        if self.has_no_index:
            yield ("option", "no-index")
        elif self.index is not None or self.extras:
            yield ("indexes", self.index or "", *_without(self.extras, self.index))
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
        # Pip empties its list of indexes for `--no-index`, and ignores all later ones.
        if self.has_no_index or has_no_index:
            self.has_no_index, self.index, self.extras = True, None, {}
            return
        if index is not None:
            # In pip an index URL starts the list anew, so extras of earlier lines are
            # gone.
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


def _without(values: Iterable[str], excluded: str | None) -> list[str]:
    return [value for value in values if value != excluded]


def _apply(value: str, target: set[str], other: set[str]) -> None:
    names = value.split(",")
    # The same loop as in pip's `FormatControl.handle_mutual_excludes`: what stands
    # before `:all:` is void, and what stands after it counts only when `:none:` resets
    # first.
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
