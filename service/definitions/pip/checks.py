"""Checks of single requirements that pip could parse."""

from dataclasses import dataclass, field

from service.definitions.declared import always_holds
from service.definitions.pip.findings import PipRemarks
from service.definitions.pip.pins import Spot
from service.definitions.pip.requirement_line import (
    ParsedRequirement,
    RemoteRequirement,
)
from service.definitions.pip.requirements_txt import RequirementLine
from service.definitions.pip.uninstallable import (
    check_constraint,
    find_uninstallable,
    has_local_version,
)
from service.definitions.pip.wheels import Pythons

__all__ = ["RequirementChecks"]


@dataclass(slots=True)
class RequirementChecks:
    """Reports requirements that fail, or install something else than they seem to."""

    remarks: PipRemarks
    pythons: Pythons
    _local_versions: list[tuple[Spot, str]] = field(default_factory=list)

    def check(
        self,
        spot: Spot,
        line: RequirementLine,
        requirement: ParsedRequirement,
        *,
        is_constraint: bool,
    ) -> None:
        """Check a requirement, or a constraint."""
        self._check_variables(spot, line, requirement)
        if line.ignored:
            self.remarks.ignored(spot, line.ignored, "after a requirement")
        if is_constraint:
            if why := check_constraint(line, requirement):
                self.remarks.constraint(spot, line.text, why)
        elif always_holds(requirement.marker):
            if why := find_uninstallable(requirement, self.pythons):
                self.remarks.unfit(spot, why)
            if has_local_version(requirement):
                self._local_versions.append((spot, line.text))

    def finish(self, *, names_source: bool) -> None:
        """Report local versions, after all files.

        An index named on the last line of the last include serves the first requirement
        too.
        """
        for spot, text in () if names_source else self._local_versions:
            self.remarks.local_version(spot, text)

    def _check_variables(
        self, spot: Spot, line: RequirementLine, requirement: ParsedRequirement
    ) -> None:
        is_incomplete = (
            isinstance(requirement, RemoteRequirement) and requirement.is_incomplete
        )
        if is_incomplete:
            self.remarks.incomplete(spot, line.text)
