"""What is said about the lines of requirements files."""

import re
from dataclasses import dataclass, field
from typing import Final

from service.definitions.pins import Spot, Trouble
from service.definitions.reading import Reading
from service.definitions.wishes import Local
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = ["PipRemarks"]

_EXPORTED: Final = re.compile(r"[\w.-]+=[^=\s]+=[^=\s]+|@EXPLICIT")
"""https://docs.conda.io/projects/conda/en/stable/commands/list.html"""
_LISTED: Final = re.compile(r"Package +Version.*|-{3,}[ -]*")
"""https://pip.pypa.io/en/stable/cli/pip_list/"""
_BUILT_BY_CONDA: Final = re.compile(
    r"/croot/|/conda-bld/|conda-build/|/feedstock_root/|/build_artifacts/"
    r"|/tmp/(?:build|abs_)|/ci/|/bld/|/work/?$|/Users/.*/(?:mini|ana)conda"
)


@dataclass(slots=True)
class PipRemarks:
    """Tells the user what pip would do with a line."""

    reading: Reading
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def malformed(self, spot: Spot, text: str, why: str) -> None:
        """Say that a line cannot be read."""
        if _EXPORTED.fullmatch(text):
            self._once_in_a_file(
                spot,
                "conda_export",
                f"{show(text)} is written as `conda list --export` writes it, which pip"
                " cannot read. Write the file with `pip list --format=freeze`, or put"
                " the packages into an environment.yml",
            )
            return
        if _LISTED.fullmatch(text):
            self._once_in_a_file(
                spot,
                "pip_list",
                f"{show(text)} is what `pip list` prints for people. Write the file"
                " with `pip list --format=freeze`, which is for pip",
            )
            return
        self.reading.remark(
            Severity.ERROR,
            "syntax_error",
            f"{show(spot.path)}, line {spot.line}, column {spot.column}: {show(why)}."
            " The build would fail; correct the file.",
            path=spot.path,
            line=spot.line,
            column=spot.column,
        )

    def elsewhere(self, spot: Spot, wanted: Local, *, is_certain: bool) -> None:
        """Say that a path leads out of the repository, where a build has nothing."""
        if wanted.path.startswith("/") and _BUILT_BY_CONDA.search(wanted.path):
            self._once_in_a_file(
                spot,
                "conda_path",
                f"{show(wanted.path)} is a folder of the machine on which conda built"
                " the package; `pip freeze` writes it for what conda installed. Write"
                " the file with `pip list --format=freeze`",
                severity=_error_if(is_certain),
            )
            return
        self._tell(
            _error_if(is_certain),
            "outside_repository",
            spot,
            f"{show(wanted.path)} lies outside the repository, where a build finds"
            " nothing; copy what you need into the repository",
        )

    def outside(self, spot: Spot, path: str, mend: str = "") -> None:
        """Say that an included file is not in the repository."""
        mend = mend or "copy what you need into the repository"
        self._tell(
            Severity.ERROR,
            "outside_repository",
            spot,
            f"{show(path)} lies outside the repository, where a build finds nothing;"
            f" {mend}",
        )

    def missing(self, spot: Spot, path: str, mend: str = "") -> None:
        """Say that a file is not there."""
        self.reading.remark(
            Severity.ERROR,
            "missing_include",
            f"{show(spot.path)}, line {spot.line}, asks for {show(path)}, and there"
            " is no such file; the build would fail."
            f" {mend or 'Add it, or take the line out.'}",
            path=spot.path,
            line=spot.line,
            column=spot.column,
        )

    def no_project(self, spot: Spot, path: str, *, is_editable: bool) -> None:
        """Say that a path leads to a file that pip cannot install."""
        mend = "name the directory" if is_editable else f"write -r {show(path)}"
        self._tell(
            Severity.ERROR,
            "not_installable",
            spot,
            f"{show(path)} is a file, and no archive that pip installs; {mend} if that"
            " is meant",
        )

    def links_page(self, path: str, page: str) -> None:
        """Say that a page of links is not followed."""
        self.reading.count_commit()
        self.reading.remark(
            Severity.NOTE,
            "links_page",
            f"{show(page)} is a page of links, which are not followed, so every commit"
            " counts as a change; name a directory of wheels instead.",
            path=path,
        )

    def cycle(self, spot: Spot, path: str) -> None:
        """Say that files include each other."""
        self._tell(
            Severity.ERROR,
            "include_cycle",
            spot,
            f"{show(path)} is included, which includes it again; pip refuses that."
            " Take one of the lines out",
        )

    def unpinned(self, spot: Spot, what: str, why: str) -> None:
        """Say that a change of something goes unnoticed."""
        self.reading.remark(
            Severity.WARNING,
            "unpinned_include",
            f"{show(spot.path)}, line {spot.line}: {show(what)} {why}, so a change"
            " there is not noticed; copy what you need into the repository.",
            path=spot.path,
            line=spot.line,
            column=spot.column,
        )

    def moving(self, spot: Spot) -> None:
        """Say that a requirement can change by itself."""
        self.reading.remark(
            Severity.NOTE,
            "moving_requirement",
            f"{show(spot.path)}, line {spot.line}, installs from something that can"
            " change without a push here; name a full commit to pin it.",
            path=spot.path,
            line=spot.line,
            column=spot.column,
        )

    def ignored(self, spot: Spot, what: tuple[str, ...], why: str) -> None:
        """Say that a part of a line has no effect."""
        self._tell(
            Severity.WARNING,
            "ignored_option",
            spot,
            f"pip ignores {show(' '.join(what))} here, {why}; put it on a line of its"
            " own, or take it out",
        )

    def constraint(self, spot: Spot, text: str, why: str) -> None:
        """Say that a constraint is one that pip refuses."""
        self._tell(
            Severity.ERROR,
            "bad_constraint",
            spot,
            f"{show(text)} {why}; a constraint is NAME followed by versions, nothing"
            " else. Put it into the requirements instead",
        )

    def unfit(self, spot: Spot, why: str) -> None:
        """Say that a requirement cannot be installed in an image."""
        self._tell(Severity.ERROR, "unfit_requirement", spot, why)

    def local_version(self, spot: Spot, text: str) -> None:
        """Say that a version is one that no public index has."""
        self._tell(
            Severity.WARNING,
            "local_version",
            spot,
            f"{show(text)} asks for a version with a +, which PyPI never has; name the"
            " index that has it with --extra-index-url, or leave out the + and what"
            " follows",
        )

    def trouble(self, found: Trouble) -> None:
        """Say what is wrong with the files as a whole."""
        self._tell(Severity.ERROR, found.code, found.spot, show(found.why, limit=400))

    def finish(self) -> None:
        """Say how many more lines there are of which only the first was shown."""
        for (code, path), count in self._counts.items():
            if count > 1:
                self.reading.remark(
                    Severity.NOTE,
                    code,
                    f"{show(path)} has {count - 1} more such lines.",
                    path=path,
                )

    def _once_in_a_file(
        self, spot: Spot, code: str, what: str, severity: Severity = Severity.ERROR
    ) -> None:
        """Tell of the first line only: there are hundreds of them, made by a tool."""
        key = (code, spot.path)
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] == 1:
            self._tell(severity, code, spot, what)

    def _tell(self, severity: Severity, code: str, spot: Spot, what: str) -> None:
        fails = "; the build would fail" if severity is Severity.ERROR else ""
        self.reading.remark(
            severity,
            code,
            f"{show(spot.path)}, line {spot.line}: {what}{fails}.",
            path=spot.path,
            line=spot.line,
            column=spot.column,
        )


def _error_if(is_certain: bool) -> Severity:  # noqa: FBT001 - the name says it
    return Severity.ERROR if is_certain else Severity.WARNING
