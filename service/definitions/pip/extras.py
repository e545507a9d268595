"""Whose extras a requirement asks for: those of local projects count."""

from service.definitions.closure_builder import Reading
from service.definitions.paths import join_path
from service.definitions.pip.requirement_line import (
    Local,
    ParsedRequirement,
    RemoteRequirement,
)

__all__ = ["ask_for_extras"]


def ask_for_extras(reading: Reading, requirement: ParsedRequirement) -> None:
    """Note the extras that a requirement asks for."""
    if isinstance(requirement, RemoteRequirement):
        if requirement.row[0] == "variable":
            reading.optional.ask_all()
        return
    extras = [requirement.extras] if requirement.extras else []
    reading.optional.ask(requirement.name, extras)
    if isinstance(requirement, Local) and extras:
        path = join_path(reading.context_dir, requirement.path)
        reading.optional.ask_in(reading.relative(path or ""))
