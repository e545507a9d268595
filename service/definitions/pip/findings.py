"""Findings about requirements files."""

import re
from dataclasses import dataclass, field
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.declared import always_holds
from service.definitions.pip.pins import PinProblem, Spot
from service.definitions.pip.requirement_line import Local
from service.definitions.python.misspelt import explain_path
from service.definitions.text import show, show_reason
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
    """Adds findings about lines of requirements files."""

    reading: Reading
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def malformed(self, spot: Spot, text: str, why: str) -> None:
        """Report that a line cannot be parsed."""
        if _EXPORTED.fullmatch(text):
            self._report_once_per_file(
                spot,
                "conda_export",
                f"{show(text)} is written as `conda list --export` writes it, which pip"
                " cannot read. Write the file with `pip list --format=freeze`, or put"
                " the packages into an environment.yml",
            )
            return
        if _LISTED.fullmatch(text):
            self._report_once_per_file(
                spot,
                "pip_list",
                f"{show(text)} is what `pip list` prints for people. Write the file"
                " with `pip list --format=freeze`, which is for pip",
            )
            return
        self.reading.remark(
            Severity.ERROR,
            "syntax_error",
            f"{show(spot.path)}, line {spot.line}, column {spot.column}:"
            f" {show_reason(why)}. The build would fail; correct the file.",
            path=spot.path,
            line=spot.line,
            column=spot.column,
        )

    def elsewhere(self, spot: Spot, wanted: Local, *, is_certain: bool) -> None:
        """Report that a path is outside the repository, which a build does not have."""
        written = wanted.url.partition("#")[0] or wanted.path
        if wanted.path.startswith("/") and _BUILT_BY_CONDA.search(wanted.path):
            self._report_once_per_file(
                spot,
                "conda_path",
                f"{show(written)} is a folder of the machine on which conda built"
                " the package; `pip freeze` writes it for what conda installed. Write"
                " the file with `pip list --format=freeze`",
                severity=_error_if(is_certain),
            )
            return
        self._report(
            _error_if(is_certain),
            "outside_repository",
            spot,
            f"{show(written)} lies outside the repository, where a build finds"
            " nothing; copy what you need into the repository",
        )

    def outside(self, spot: Spot, path: str, fix: str = "") -> None:
        """Report that an included file is not in the repository."""
        fix = fix or "copy what you need into the repository"
        self._report(
            Severity.ERROR,
            "outside_repository",
            spot,
            f"{show(path)} lies outside the repository, where a build finds nothing;"
            f" {fix}",
        )

    def missing(
        self,
        spot: Spot,
        path: str,
        fix: str = "",
        *,
        written: str = "",
        wanted: Local | None = None,
    ) -> None:
        """Report that a file is missing, or that a line names none."""
        if why := explain_path(written):
            self.malformed(spot, written, why)
            return
        is_opened = wanted is None or _is_opened(wanted)
        self.reading.remark(
            _error_if(is_opened),
            "missing_include",
            f"{show(spot.path)}, line {spot.line}, asks for {show(path)}, and there"
            f" is no such file{'; the build would fail' if is_opened else ''}."
            f" {fix or 'Add it, or take the line out.'}",
            path=spot.path,
            line=spot.line,
            column=spot.column,
        )

    def no_project(self, spot: Spot, path: str, *, is_editable: bool) -> None:
        """Report that a path is a file that pip cannot install."""
        fix = "name the directory" if is_editable else f"write -r {show(path)}"
        self._report(
            Severity.ERROR,
            "not_installable",
            spot,
            f"{show(path)} is a file, and no archive that pip installs; {fix} if that"
            " is meant",
        )

    def no_metadata(self, spot: Spot, wanted: Local) -> None:
        """Report a directory that pip cannot build."""
        self._report(
            _error_if(_is_opened(wanted)),
            "not_installable",
            spot,
            f"{show(wanted.path)} is to be installed, and has neither a file"
            " pyproject.toml nor setup.py; add one, or take the line out",
        )

    def links_page(self, path: str, page: str) -> None:
        """Report that a page of links is not read."""
        self.reading.count_commit()
        self.reading.remark(
            Severity.NOTE,
            "links_page",
            f"{show(page)} is a page of links, which are not followed, so every commit"
            " counts as a change; name a directory of wheels instead.",
            path=path,
        )

    def cycle(self, spot: Spot, path: str) -> None:
        """Report that files include each other."""
        self._report(
            Severity.ERROR,
            "include_cycle",
            spot,
            f"{show(path)} is included, which includes it again; pip refuses that."
            " Take one of the lines out",
        )

    def unpinned(self, spot: Spot, what: str, why: str) -> None:
        """Report an include whose changes are not noticed."""
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
        """Report a requirement that can change without a push."""
        self.reading.remark(
            Severity.NOTE,
            "moving_requirement",
            f"{show(spot.path)}, line {spot.line}, installs from something that can"
            " change without a push here; name a full commit to pin it.",
            path=spot.path,
            line=spot.line,
            column=spot.column,
        )

    def incomplete(self, spot: Spot, text: str) -> None:
        """Report a requirement that is one only once its variables are filled in."""
        self._report(
            Severity.WARNING,
            "unset_variable",
            spot,
            f"{show(text)} depends on the environment of the build, so a change there"
            " is not noticed, and pip refuses the line where a variable is not set;"
            " write it out",
        )

    def unread_encoding(self, path: str, name: str, line: int) -> None:
        """Report an encoding that pip reads and this reader does not."""
        self.reading.count_commit()
        self.reading.remark(
            Severity.WARNING,
            "unread_encoding",
            f"{show(path)}, line {line}: the encoding {show(name)} is not read here, so"
            " every commit counts as a change; write the file in UTF-8.",
            path=path,
            line=line,
        )

    def ignored(self, spot: Spot, what: tuple[str, ...], why: str) -> None:
        """Report that a part of a line has no effect."""
        fix = "put it on a line of its own, or take it out"
        if what[0] == "-":
            fix = "a dash begins an entry in an environment.yml only; take it out"
        self._report(
            Severity.WARNING,
            "ignored_option",
            spot,
            f"pip ignores {show(' '.join(what))} here, {why}; {fix}",
        )

    def constraint(self, spot: Spot, text: str, why: str) -> None:
        """Report a constraint that pip refuses."""
        self._report(
            Severity.ERROR,
            "bad_constraint",
            spot,
            f"{show(text)} {why}; a constraint is NAME followed by versions, nothing"
            " else. Put it into the requirements instead",
        )

    def unfit(self, spot: Spot, why: str) -> None:
        """Report a requirement that cannot be installed in an image."""
        self._report(Severity.ERROR, "unfit_requirement", spot, why)

    def local_version(self, spot: Spot, text: str) -> None:
        """Report a local version, which no public index has."""
        self._report(
            Severity.WARNING,
            "local_version",
            spot,
            f"{show(text)} asks for a version with a +, which PyPI never has; name the"
            " index that has it with --extra-index-url, or leave out the + and what"
            " follows",
        )

    def trouble(self, problem: PinProblem) -> None:
        """Report a problem of the files as a whole."""
        self._report(
            Severity.ERROR, problem.code, problem.spot, show_reason(problem.why)
        )

    def finish(self) -> None:
        """Report how many more lines have a problem that was reported once."""
        for (code, path), count in self._counts.items():
            if count > 1:
                self.reading.remark(
                    Severity.NOTE,
                    code,
                    f"{show(path)} has {count - 1} more such lines.",
                    path=path,
                )

    def _report_once_per_file(
        self, spot: Spot, code: str, what: str, severity: Severity = Severity.ERROR
    ) -> None:
        """Report the first such line of a file only: a tool writes hundreds of them."""
        key = (code, spot.path)
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] == 1:
            self._report(severity, code, spot, what)

    def _report(self, severity: Severity, code: str, spot: Spot, what: str) -> None:
        fails = "; the build would fail" if severity is Severity.ERROR else ""
        self.reading.remark(
            severity,
            code,
            f"{show(spot.path)}, line {spot.line}: {what}{fails}.",
            path=spot.path,
            line=spot.line,
            column=spot.column,
        )


def _is_opened(wanted: Local) -> bool:
    """Return whether pip opens a directory in every image.

    A path it looks at while it reads the line, a URL only where the marker holds.
    """
    return not wanted.url or always_holds(wanted.marker)


def _error_if(is_certain: bool) -> Severity:  # noqa: FBT001 - the name is clear
    return Severity.ERROR if is_certain else Severity.WARNING
