"""The options of a line of a requirements file, parsed as pip parses them.

https://pip.pypa.io/en/stable/reference/requirements-file-format/#supported-options
"""

import optparse
import shlex
from typing import Final, NoReturn

__all__ = ["CONTROLS", "HASHES", "INCLUDES", "MalformedLineError", "OptionParser"]

MAX_OPTIONS: Final = 64 * 1024
"""Characters on a line: 200 hashes have 16,000. Splitting them takes quadratic time."""

_VALUED: Final[dict[str, tuple[str, ...]]] = {
    "index-url": ("-i", "--index-url", "--pypi-url"),
    "extra-index-url": ("--extra-index-url",),
    "find-links": ("-f", "--find-links"),
    "no-binary": ("--no-binary",),
    "only-binary": ("--only-binary",),
    "all-releases": ("--all-releases",),
    "only-final": ("--only-final",),
    "trusted-host": ("--trusted-host",),
    "use-feature": ("--use-feature",),
    "requirement": ("-r", "--requirement"),
    "constraint": ("-c", "--constraint"),
    "editable": ("-e", "--editable"),
    "hash": ("--hash",),
    "config-settings": ("-C", "--config-settings"),
}
_FLAGS: Final[dict[str, tuple[str, ...]]] = {
    "no-index": ("--no-index",),
    "pre": ("--pre",),
    "prefer-binary": ("--prefer-binary",),
    "require-hashes": ("--require-hashes",),
    "no-require-hashes": ("--no-require-hashes",),
}
INCLUDES: Final = ("requirement", "constraint")
"""In the order in which pip checks them."""
CONTROLS: Final = frozenset({"no-binary", "only-binary", "all-releases", "only-final"})
"""Pip applies these while it parses, so they count on any line."""
HASHES: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
"""The hash algorithms that pip allows, with their number of hex digits."""

_FEATURES: Final = frozenset(
    {
        "build-constraint",
        "fast-deps",
        "inprocess-build-deps",
        "no-binary-enable-wheel-cache",
        "truststore",
        "venv-isolation",
    }
)
"""The features of pip 26. Older ones became the default, and pip refuses their
names."""


class MalformedLineError(ValueError):
    """A line that pip refuses.

    Args:
        message: The reason.
        offset: The position in the line, from 0.
    """

    def __init__(self, message: str, *, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class OptionParser:
    """Parses the options of a line. Creating one is slow, so it is reused."""

    def __init__(self) -> None:
        self._parser = _Parser()

    def read(
        self, text: str, offset: int
    ) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        """Return the options in order, and the other words.

        Raises:
            MalformedLineError: Pip would refuse them.
        """
        if not text:
            return [], ()
        if len(text) > MAX_OPTIONS:
            raise MalformedLineError("the options are too long", offset=offset)
        self._parser.seen = []
        try:
            _, words = self._parser.parse_args(shlex.split(text))
            _check(self._parser.seen)
        except MalformedLineError as exc:
            raise MalformedLineError(str(exc), offset=offset) from exc
        except ValueError as exc:
            raise MalformedLineError(
                f"the options cannot be split: {exc}", offset=offset
            ) from exc
        return self._parser.seen, tuple(words)


class _Parser(optparse.OptionParser):
    """Collects options in their order; never prints or exits, unlike its base class."""

    def __init__(self) -> None:
        super().__init__(add_help_option=False, usage="")
        self.seen: list[tuple[str, str]] = []
        for name, spellings in _VALUED.items():
            self.add_option(
                *spellings,
                action="callback",
                callback=self._note,
                type="string",
                metavar=name,
            )
        for name, spellings in _FLAGS.items():
            self.add_option(
                *spellings, action="callback", callback=self._note, metavar=name
            )

    def error(self, msg: str) -> NoReturn:
        raise MalformedLineError(msg)

    def _note(
        self,
        option: optparse.Option,
        _spelling: str,
        value: str | None,
        _parser: optparse.OptionParser,
    ) -> None:
        self.seen.append((str(option.metavar), value or ""))


def _check(given: list[tuple[str, str]]) -> None:
    for name, value in given:
        if name == "hash":
            _check_hash(value)
        elif name == "config-settings" and "=" not in value:
            raise MalformedLineError("--config-settings has to be KEY=VALUE")
        elif name == "use-feature" and value not in _FEATURES:
            raise MalformedLineError(
                f"--use-feature={value} is no feature that pip still has to be asked"
                " for; take it out"
            )
        elif name in CONTROLS and value.startswith("-"):
            raise MalformedLineError(f"--{name} is followed by {value}, and by no name")


def _check_hash(value: str) -> None:
    kind, colon, _ = value.partition(":")
    if not colon:
        raise MalformedLineError(
            f"--hash={value} names no algorithm; pip expects --hash=sha256:…"
        )
    if kind not in HASHES:
        raise MalformedLineError(
            f"--hash={kind}:… is a hash that pip refuses; it takes {', '.join(HASHES)}"
        )
