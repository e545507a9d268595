"""What is said about an environment.yml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.definitions.links import Found
from service.definitions.reading import Reading
from service.definitions.specs import normal
from service.definitions.tables import remark_syntax, texts
from service.definitions.words import show
from service.definitions.yaml import Document, Mark
from service.domain.findings import Severity

__all__ = ["CondaRemarks", "is_list_of_texts"]

_KNOWN: Final = frozenset({"name", "channels", "dependencies", "variables", "prefix"})
"""What conda reads. The build says where the environment goes, whatever `name` and
`prefix` say."""
_DEFAULTS: Final = re.compile(
    r"(?:https?://(?:[^/@\s]*@)?(?:repo\.(?:anaconda\.com|continuum\.io)"
    r"|conda\.anaconda\.org)/)?(?:anaconda|defaults|(?:pkgs|anaconda)/"
    r"(?:main|free|r|msys2|pro|mro))(?:/(?:noarch|linux-\w+))?/?"
)
"""Anaconda's own channels: https://docs.anaconda.com/working-with-conda/channels/"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaRemarks:
    """Tells the user what conda would do with a part of the file."""

    reading: Reading
    found: Found
    document: Document

    def check_sections(self) -> None:
        """Say which sections conda does not read."""
        if self.document.values.get("prefix") is not None:
            self.remark(
                Severity.NOTE,
                "prefix_ignored",
                "prefix is ignored, because the image decides where the environment"
                " is; leave it out.",
                "prefix",
            )
        variables = self.document.values.get("variables")
        if variables and not isinstance(variables, Mapping):
            self.refuse("variables has to be a mapping, as in NAME: value", "variables")
        for key in self.document.values:
            if key not in _KNOWN:
                self.remark(
                    Severity.WARNING,
                    "section_ignored",
                    f"conda ignores the section {show(str(key))}:; {_mend(key)}.",
                    key,
                )

    def check_channels(self) -> None:
        """Say what is wrong with the channels."""
        value = self.document.values.get("channels")
        if value and not is_list_of_texts(value):
            self.refuse(
                "channels has to be a list of names; write each one on a line of its"
                " own, after a dash",
                "channels",
            )
            return
        channels = texts(value)
        for place, channel in enumerate(channels):
            self._check_channel(channel, place)
        if not set(channels) - {"nodefaults"}:
            self.remark(
                Severity.WARNING,
                "no_channel",
                "no channel is listed, so conda finds no packages; add conda-forge"
                " under channels.",
                "channels",
            )
        if "nodefaults" not in channels:
            self.remark(
                Severity.NOTE,
                "nodefaults_added",
                "nodefaults is missing under channels, and the build adds it; list it"
                " so that the environment is the same on your machine.",
                "channels",
            )

    def _check_channel(self, channel: str, place: int) -> None:
        if channel == "defaults":
            self.remark(
                Severity.ERROR,
                "defaults_channel",
                "the channel defaults makes the build fail; use conda-forge instead.",
                "channels",
                place,
            )
        elif _DEFAULTS.fullmatch(channel):
            self.remark(
                Severity.WARNING,
                "defaults_channel",
                f"{show(channel)} is a channel of Anaconda, under another name than"
                " defaults: it is limited and needs a licence; use conda-forge.",
                "channels",
                place,
            )

    def check_package(self, dependency: str, place: int) -> None:
        """Say what follows from a package."""
        spec = normal(dependency)
        channel = spec.rpartition("::")[0]
        if _DEFAULTS.fullmatch(channel):
            self.remark(
                Severity.WARNING,
                "defaults_channel",
                f"{show(dependency)} comes from Anaconda's own channel"
                f" {show(channel)}, which is limited; take it from conda-forge.",
                "dependencies",
                place,
            )
        if re.match(r"(?:[^:]+::)?(?:r-base|r-essentials)(?![\w-])", spec):
            self.remark(
                Severity.NOTE,
                "r_environment",
                "R is installed, and sessions are set up for Python; see whether your"
                " frontend offers an R kernel.",
                "dependencies",
                place,
            )

    def refuse(self, why: str, *path: object) -> None:
        """Say that conda cannot read what is at a path."""
        line, column = self._mark(*path) or (None, None)
        remark_syntax(self.reading, self.found.path, why, line, column)

    def remark(
        self, severity: Severity, code: str, message: str, *path: object
    ) -> None:
        """Tell the user something about what is at a path."""
        line, column = self._mark(*path) or (None, None)
        self.reading.remark(
            severity,
            code,
            f"{show(self.found.path)}: {message}",
            path=self.found.path,
            line=line,
            column=column,
        )

    def _mark(self, *path: object) -> Mark | None:
        return self.document.mark(*path)


def is_list_of_texts(value: object) -> bool:
    """Say whether a value is a list of strings and of nothing else."""
    return isinstance(value, list) and all(isinstance(it, str) for it in value)


def _mend(key: object) -> str:
    if key == "pip":
        return "put it into the list of dependencies, as an entry `- pip:`"
    if key in {"includes", "include"}:
        return "copy what is in those files into this one"
    return "take it out, or correct its name"
