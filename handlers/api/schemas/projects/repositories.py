"""Repositories of a project, and what they are read with."""

from typing import Annotated, Literal

from pydantic import Field

from handlers.api.schemas.models import Line, RequestModel, ResponseModel
from service.domain.rights.project import LinkedRepository

__all__ = ["GrantRequest", "LinkedRepositoryResponse"]


class LinkedRepositoryResponse(ResponseModel):
    """A repository that is linked to a project."""

    repository: str
    granted: bool = Field(
        description="Whether the project's launchers may be read with the "
        "installation's credentials; public repositories need none."
    )
    granted_by: Literal["administrator", "rule"] | None = Field(
        default=None, description="`rule`: of the installation's settings."
    )

    @classmethod
    def of(cls, linked: LinkedRepository) -> "LinkedRepositoryResponse":
        """Report a link."""
        by = "rule" if linked.is_by_rule else "administrator"
        return cls(
            repository=linked.url,
            granted=linked.is_granted,
            granted_by=by if linked.is_granted else None,
        )


class GrantRequest(RequestModel):
    """Whether a project may have a repository read with credentials."""

    repository: Annotated[Line, Field(min_length=1, max_length=500)]
    granted: bool = Field(
        default=True, description="False withdraws the grant; the link stays."
    )
