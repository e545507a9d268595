"""Findings about an environment.yml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.conda.match_specs import normalize_spec
from service.definitions.formats.toml_json import remark_syntax, texts
from service.definitions.formats.yaml import Document, Mark
from service.definitions.paths import ResolvedPath
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["CondaRemarks", "is_list_of_texts"]

_KNOWN: Final = frozenset({"name", "channels", "dependencies", "variables", "prefix"})
"""The sections that conda reads. The build sets the location of the environment, so
`name` and `prefix` have no effect."""
_DEFAULTS: Final = re.compile(
    r"(?:https?://(?:[^/@\s]*@)?(?:repo\.(?:anaconda\.com|continuum\.io)"
    r"|conda\.anaconda\.org)/)?(?:anaconda|defaults|(?:pkgs|anaconda)/"
    r"(?:main|free|r|msys2|pro|mro))(?:/(?:noarch|linux-\w+))?/?"
)
"""Anaconda's own channels: https://docs.anaconda.com/working-with-conda/channels/"""
_OF_OTHER_SYSTEMS: Final = re.compile(
    r"(?:[^:]+::)?(?P<name>(?P<windows>vc|vs2015_runtime|vc14_runtime|ucrt|pywin32"
    r"|pywinpty|winpty|msys2-conda-epoch|m2w64-gcc-libs(?:-core)?)|python\.app)"
    r"(?![\w.-])"
)
"""Packages without a file for Linux, which `conda env export` writes elsewhere."""
MAX_NAMED: Final = 5
"""Packages that one message lists."""
_PACKAGE: Final = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaRemarks:
    """Adds findings about what conda would do with parts of the file."""

    reading: Reading
    found: ResolvedPath
    document: Document

    def check_sections(self) -> None:
        """Report sections that conda ignores."""
        if self.document.values.get("prefix") is not None:
            self.remark(
                Severity.NOTE,
                "prefix_ignored",
                "prefix is ignored, because the image decides where the environment"
                " is; leave it out.",
                "prefix",
            )
        self._check_schema()
        variables = self.document.values.get("variables")
        if variables and not isinstance(variables, Mapping):
            self.refuse("variables has to be a mapping, as in NAME: value", "variables")
        for key in self.document.values:
            if key not in _KNOWN:
                self.remark(
                    Severity.WARNING,
                    "section_ignored",
                    f"conda ignores the section {show(str(key))}:;"
                    f" {_suggest_fix(key)}.",
                    key,
                )

    def _check_schema(self) -> None:
        """Report what conda 26 refuses and earlier versions accept.

        https://github.com/conda/ceps/blob/main/cep-0024.md
        """
        if self.document.values.get("dependencies") is None:
            self.remark(
                Severity.WARNING,
                "no_dependencies",
                "there is no list in a section dependencies:, so nothing is installed,"
                " and some versions of conda refuse the file; add it.",
            )
        if self.document.values.get("variables", {}) is None:
            self.remark(
                Severity.WARNING,
                "variables_invalid",
                "variables is empty, which newer versions of conda refuse; take it"
                " out.",
                "variables",
            )
        for key in ("name", "prefix"):
            value = self.document.values.get(key, "")
            if not isinstance(value, str):
                self.remark(
                    Severity.WARNING,
                    "name_invalid",
                    f"{key} is no text, which newer versions of conda refuse; put it"
                    " into quotation marks, or take it out.",
                    key,
                )

    def ignore_part(self, dependency: str, ignored: str, place: int) -> None:
        """Report a part of a specification that conda drops."""
        advice = "extras are for pip, and versions are written as name>=1,<2"
        if ignored == "=":
            advice = "the least version is written with >="
        self.remark(
            Severity.WARNING,
            "spec_ignored",
            f"of {show(dependency)} conda ignores {show(ignored)}; {advice}.",
            "dependencies",
            place,
        )

    def ignore_entry(self, key: str, place: int) -> None:
        """Report a mapping among the dependencies that is no `pip:` section."""
        advice = ""
        if key.strip().lower() == "pip":
            advice = "; what pip installs stands under pip:, in small letters"
        elif _PACKAGE.fullmatch(key):
            advice = f"; a version is written {show(key)}=1.2, without a colon"
        self.remark(
            Severity.WARNING,
            "section_ignored",
            f"conda ignores {show(key)}: here and installs nothing for it{advice}.",
            "dependencies",
            place,
        )

    def check_channels(self) -> None:
        """Report problems of the channels."""
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
        """Report problems of a package's channel, system and language."""
        spec = normalize_spec(dependency)
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
        if other := _OF_OTHER_SYSTEMS.match(spec):
            system = "Windows" if other["windows"] else "macOS"
            self.remark(
                Severity.ERROR,
                "other_system",
                f"{other['name']} is for {system}, and images are Linux's: an export"
                " of a whole environment fits one system. Write the packages that you"
                " use, as `conda env export --from-history` does, or take it out.",
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

    def check_empty_pip(self, after: list[object], place: int) -> None:
        """Report a `pip:` with nothing below it, before packages meant for it."""
        names = [text for text in after if isinstance(text, str)]
        if not names:
            return
        named = ", ".join(show(text) for text in names[:MAX_NAMED])
        more = "" if len(names) <= MAX_NAMED else f" and {len(names) - MAX_NAMED} more"
        self.remark(
            Severity.WARNING,
            "pip_section_empty",
            f"nothing is below pip:, so conda itself installs {named}{more}; indent"
            " what pip should install by two more spaces, or take the colon out.",
            "dependencies",
            place,
        )

    def check_replacing(self, value: object, place: int) -> None:
        """Report a list that conda installs instead of all entries before it."""
        if not is_list_of_texts(value):
            self.refuse(
                "conda: has to be a list of packages", "dependencies", place, "conda"
            )
            return
        self.remark(
            Severity.WARNING,
            "section_replaces",
            "conda installs the list of conda: instead of all packages before it; put"
            " them into one list.",
            "dependencies",
            place,
        )

    def refuse(self, why: str, *path: object) -> None:
        """Report that conda cannot parse the value at a path."""
        line, column = self._mark(*path) or (None, None)
        remark_syntax(self.reading, self.found.path, why, line, column)

    def remark(
        self, severity: Severity, code: str, message: str, *path: object
    ) -> None:
        """Add a finding about the value at a path."""
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
    """Return whether a value is a list of strings only."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _suggest_fix(key: object) -> str:
    if key == "pip":
        return "put it into the list of dependencies, as an entry `- pip:`"
    if key in {"includes", "include"}:
        return "copy what is in those files into this one"
    return "take it out, or correct its name"
