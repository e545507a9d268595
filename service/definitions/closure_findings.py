"""Findings about the closure as a whole: paths that lead nowhere, and too many."""

from collections.abc import Sequence
from typing import Final

from service.definitions.paths import PathProblem, ResolvedPath
from service.definitions.text import show
from service.domain.definition import GITLINK
from service.domain.findings import Finding, Severity

__all__ = ["MAX_FINDINGS", "path_problem", "shorten_findings", "size_problem"]

MAX_FINDINGS: Final = 100
"""Findings of one reading: nobody reads more, and every evaluation keeps them."""


def shorten_findings(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Sort by severity; keep `MAX_FINDINGS`, the worst and the first of every code.

    Of six hundred missing files the last ones matter to nobody; that the rest of them
    was not even searched does, and stands behind them.
    """
    order = list(Severity)
    findings = sorted(findings, key=lambda finding: order.index(finding.severity))
    if len(findings) <= MAX_FINDINGS:
        return findings
    by_code = {finding.code: finding for finding in reversed(findings)}
    firsts = set(map(id, by_code.values()))
    others = [finding for finding in findings if id(finding) not in firsts]
    spare = max(MAX_FINDINGS - len(firsts), 0)
    omitted = others[spare:]
    gone = set(map(id, omitted))
    kept = [finding for finding in findings if id(finding) not in gone]
    return [*kept, _omit(omitted)] if omitted else kept


def _omit(findings: Sequence[Finding]) -> Finding:
    """Count the findings that are left out; the worst of them comes first."""
    return Finding(
        severity=findings[0].severity,
        code="more_findings",
        message=f"{len(findings)} more findings like these are left out; correct these"
        " first.",
    )


def lfs_problem(found: ResolvedPath) -> Finding:
    """Report a file whose content is not in git."""
    return Finding(
        severity=Severity.ERROR,
        code="lfs_pointer",
        message=f"{show(found.path)} is stored in Git LFS, so a build finds a pointer"
        " in its place; keep definitions in git itself.",
        path=show(found.path, limit=None),
    )


def size_problem(found: ResolvedPath, why: str) -> Finding:
    """Report a file that counts by its bytes because it is too large to read."""
    return Finding(
        severity=Severity.NOTE,
        code="too_large",
        message=f"{why} and is not read, so every change of it counts, comments too.",
        path=show(found.path, limit=None),
    )


def path_problem(found: ResolvedPath, *, is_needed: bool) -> Finding:
    """Explain why a path cannot be resolved.

    Args:
        found: The path, with its trouble.
        is_needed: Whether a build fails without it.
    """
    name, path = show(found.path), show(found.path, limit=None)
    if found.trouble is PathProblem.SUBMODULE or found.entry.mode == GITLINK:
        return Finding(
            severity=Severity.WARNING,
            code="submodule",
            message=f"{name} is in the submodule {show(found.real)}, which is not"
            " looked into: it counts as changed when the submodule's commit changes.",
            path=path,
        )
    is_loop = found.trouble is PathProblem.LOOP
    return Finding(
        severity=Severity.ERROR if is_needed else Severity.WARNING,
        code="symlink_loop" if is_loop else "symlink_escape",
        message=f"{name} is a symbolic link that "
        + ("leads back to itself" if is_loop else "leads out of the repository")
        + ", so a build does not find the file; put the file itself there.",
        path=path,
    )
