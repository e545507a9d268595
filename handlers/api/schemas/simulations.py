"""Simulations: what a delivery would lead to."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from handlers.api.schemas.explanations import DefinitionFileResponse
from handlers.api.schemas.models import Line, RequestModel, ResponseModel
from handlers.api.schemas.sources import FindingResponse
from service.domain.delivery import Forge

__all__ = [
    "LauncherPreview",
    "Simulation",
    "SimulationRequest",
    "SourcePreview",
]

MAX_BODY: Final = 1024 * 1024
"""Most pushes have 8 kB; whatever is larger is a test of the receiver, not of this."""

Header = Annotated[str, Field(max_length=10_000)]


class SimulationRequest(RequestModel):
    """A delivery as it would come."""

    forge: Forge
    headers: Mapping[
        Annotated[str, Field(max_length=200)], Header | tuple[Header, ...]
    ] = Field(
        default={},
        description="Content type and event are those of a push when not given.",
    )
    body: str = Field(max_length=MAX_BODY)
    hook_id: Line | None = Field(
        default=None,
        max_length=200,
        description="Verify as through this hook; without it nothing is verified.",
    )


class LauncherPreview(ResponseModel):
    """What would happen to one launcher."""

    launcher_id: str
    name: str
    action: Literal["build", "reuse", "nothing"]
    message: str
    image: str | None = Field(default=None, description="The image it would reuse.")


class SourcePreview(ResponseModel):
    """The result of an evaluation of one source now."""

    source_id: str
    repository: str
    revision: str | None = None
    context_dir: str | None = None
    verdict: str
    reason: str
    message: str
    commit: str | None = None
    files: tuple[DefinitionFileResponse, ...]
    findings: tuple[FindingResponse, ...]
    launchers: tuple[LauncherPreview, ...]


class Simulation(ResponseModel):
    """What would be decided; nothing was done."""

    verified: bool
    status: Literal["accepted", "ignored", "refused"]
    reason: str
    message: str
    repository: str | None = None
    ref: str | None = None
    before: str | None = None
    after: str | None = None
    sources: tuple[SourcePreview, ...] = ()
    lines: tuple[str, ...] = ()
