"""Projects and their members, in Renku's shapes.

https://github.com/SwissDataScienceCenter/renku-data-services, project/api.spec.yaml
"""

from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, RootModel

from handlers.api.schemas.models import (
    Line,
    PatchModel,
    Prose,
    RequestModel,
    ResponseModel,
)
from handlers.api.schemas.service import MAX_PER_PAGE, PageQuery, Query
from service.domain.rights.project import Member, Project, namespace_of

__all__ = [
    "MemberPatch",
    "MemberResponse",
    "MembersPatch",
    "ProjectPatch",
    "ProjectPermissions",
    "ProjectPost",
    "ProjectQuery",
    "ProjectResponse",
    "ProjectsQuery",
    "SlugText",
]

_SLUG: Final = r"^[a-z0-9]+([-_.][a-z0-9]+)*[-_.]?$"
"""Renku's: lower case, begins with a letter or digit, no two of `-_.` in a row."""


def _is_no_file(slug: str) -> str:
    if slug.endswith((".git", ".atom")):
        raise ValueError("ends in .git or .atom; expected another end")
    return slug


SlugText = Annotated[
    str,
    Field(min_length=1, max_length=99, pattern=_SLUG),
    AfterValidator(_is_no_file),
]
ProjectName = Annotated[Line, Field(min_length=1, max_length=99)]
About = Annotated[Prose, Field(max_length=500)]
Documentation = Annotated[Prose, Field(max_length=5000)]
Keywords = Annotated[
    tuple[Annotated[Line, Field(min_length=1, max_length=99)], ...],
    Field(max_length=100),
]
Repositories = Annotated[
    tuple[Annotated[Line, Field(min_length=1, max_length=500)], ...],
    Field(max_length=100),
]
VisibilityWord = Literal["private", "public"]
RoleWord = Literal["viewer", "editor", "owner"]


class ProjectPost(RequestModel):
    """A new project."""

    name: ProjectName
    namespace: SlugText
    slug: SlugText | None = None
    repositories: Repositories = ()
    visibility: VisibilityWord = "private"
    description: About | None = None
    keywords: Keywords = ()
    documentation: Documentation | None = None
    secrets_mount_directory: Annotated[Line, Field(min_length=1, max_length=500)] = (
        "/secrets"
    )


class ProjectPatch(PatchModel):
    """What is to change in a project; what is not sent stays."""

    name: ProjectName | None = None
    namespace: SlugText | None = None
    slug: SlugText | None = None
    repositories: Repositories | None = None
    visibility: VisibilityWord | None = None
    description: About | None = None
    keywords: Keywords | None = None
    documentation: Documentation | None = None
    template_id: Annotated[Line, Field(max_length=0)] | None = None
    is_template: bool | None = None
    secrets_mount_directory: Annotated[Line, Field(max_length=500)] | None = None


class ProjectQuery(Query):
    """What of a project."""

    with_documentation: bool = False


class ProjectsQuery(PageQuery):
    """Which projects; the first page when none is named, as in Renku."""

    per_page: int | None = Field(default=20, ge=1, le=MAX_PER_PAGE)
    namespace: Annotated[Line, Field(max_length=99)] = ""
    direct_member: bool = False


class ProjectResponse(ResponseModel):
    """A project."""

    has_etag: ClassVar[bool] = True

    id: str
    name: str
    namespace: str
    slug: str
    creation_date: datetime
    created_by: str
    updated_at: datetime | None = None
    repositories: tuple[str, ...]
    visibility: VisibilityWord
    description: str | None = None
    etag: str
    keywords: tuple[str, ...]
    documentation: str | None = None
    is_template: bool
    secrets_mount_directory: str

    @classmethod
    def of(
        cls, project: Project, *, with_documentation: bool = False
    ) -> "ProjectResponse":
        """Report a project."""
        return cls.model_validate(
            {
                "id": project.id,
                "name": project.name,
                "namespace": project.namespace,
                "slug": project.slug,
                "creation_date": project.created_at,
                "created_by": project.created_by,
                "updated_at": project.updated_at,
                "repositories": tuple(each.url for each in project.repositories),
                "visibility": project.visibility.value,
                "description": project.description,
                "etag": project.etag,
                "keywords": tuple(project.keywords),
                "documentation": project.documentation if with_documentation else None,
                "is_template": project.is_template,
                "secrets_mount_directory": project.secrets_mount_directory,
            }
        )


class ProjectPermissions(ResponseModel):
    """What the caller may do with a project."""

    write: bool
    delete: bool
    change_membership: bool


class MemberPatch(RequestModel):
    """A user and the role that they get."""

    id: Annotated[Line, Field(min_length=1, max_length=255)]
    role: RoleWord


class MembersPatch(RootModel[tuple[MemberPatch, ...]]):
    """Users and their roles."""


class MemberResponse(ResponseModel):
    """A member of a project."""

    id: str
    namespace: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    role: RoleWord

    @classmethod
    def of(cls, member: Member) -> "MemberResponse":
        """Report a member."""
        return cls.model_validate(
            {
                "id": member.user.id,
                "namespace": namespace_of(member.user),
                "first_name": member.user.first_name,
                "last_name": member.user.last_name,
                "role": member.role.value,
            }
        )
