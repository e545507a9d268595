"""The routes of projects, their members, users and API tokens."""

from typing import Final

from handlers.api.resources.projects.notifications import (
    add_channel,
    change_channel,
    list_channels,
    remove_channel,
    show_channel,
    test_channel,
)
from handlers.api.resources.projects.repositories import (
    grant_repository,
    list_repositories,
)
from handlers.api.resources.projects.tokens import (
    add_sign_in_link,
    add_token,
    list_tokens,
    revoke_token,
    show_user,
)
from handlers.api.resources.renku.projects import (
    add_project,
    change_members,
    change_project,
    list_members,
    list_projects,
    remove_member,
    remove_project,
    show_permissions,
    show_project,
    show_project_by_slug,
)
from handlers.api.schemas.projects.notifications import (
    ChannelPatch,
    ChannelPost,
    ChannelResponse,
    ChannelTestResponse,
    NewChannelResponse,
)
from handlers.api.schemas.projects.repositories import (
    GrantRequest,
    LinkedRepositoryResponse,
)
from handlers.api.schemas.projects.tokens import (
    NewTokenResponse,
    SignInLink,
    TokenPost,
    TokenResponse,
    UserResponse,
)
from handlers.api.schemas.renku.projects import (
    MemberResponse,
    MembersPatch,
    ProjectPatch,
    ProjectPermissions,
    ProjectPost,
    ProjectQuery,
    ProjectResponse,
    ProjectsQuery,
)
from handlers.api.schemas.service import PageQuery
from handlers.route import (
    OK,
    OURS,
    ListOf,
    MediaType,
    Route,
    delete,
    get,
    patch,
    post,
)
from service.domain.rights.decision import Permission

__all__ = ["PROJECT_ROUTES"]

ANYONE: Final = Permission.ANYONE
USER: Final = Permission.USER
VIEWER: Final = Permission.VIEWER
EDITOR: Final = Permission.EDITOR
OWNER: Final = Permission.OWNER
ADMIN: Final = Permission.ADMIN

CHANNELS: Final = "/projects/{project_id}/notification_channels"
CHANNEL: Final = f"{CHANNELS}/{{channel_id}}"

# fmt: off
PROJECT_ROUTES: Final[tuple[Route, ...]] = (
    # Renku's
    get("/projects", list_projects, ListOf(ProjectResponse), ProjectsQuery,
        needs=ANYONE),
    post("/projects", add_project, ProjectResponse, ProjectPost, needs=USER),
    get("/projects/{project_id}", show_project, ProjectResponse, ProjectQuery,
        needs=VIEWER),
    patch("/projects/{project_id}", change_project, ProjectResponse, ProjectPatch,
          needs=EDITOR),
    delete("/projects/{project_id}", remove_project, needs=OWNER),
    get("/projects/{project_id}/members", list_members, ListOf(MemberResponse),
        needs=VIEWER),
    patch("/projects/{project_id}/members", change_members, MediaType.NOTHING,
          MembersPatch, needs=OWNER),
    delete("/projects/{project_id}/members/{member_id}", remove_member, needs=OWNER),
    get("/projects/{project_id}/permissions", show_permissions, ProjectPermissions,
        needs=VIEWER),
    get("/namespaces/{namespace}/projects/{slug}", show_project_by_slug,
        ProjectResponse, ProjectQuery, needs=ANYONE),
    get("/user", show_user, UserResponse, needs=USER),
    # Ours
    get("/projects/{project_id}/repositories", list_repositories,
        ListOf(LinkedRepositoryResponse), needs=VIEWER, below=OURS),
    post("/projects/{project_id}/repositories", grant_repository,
         ListOf(LinkedRepositoryResponse), GrantRequest, OK, needs=ADMIN, below=OURS),
    get("/tokens", list_tokens, ListOf(TokenResponse), PageQuery, needs=USER,
        below=OURS),
    post("/tokens", add_token, NewTokenResponse, TokenPost, needs=USER, below=OURS),
    delete("/tokens/{token_id}", revoke_token, needs=USER, below=OURS),
    post("/sign_in_links", add_sign_in_link, SignInLink, needs=USER, below=OURS),
    get(CHANNELS, list_channels, ListOf(ChannelResponse), PageQuery, needs=EDITOR,
        below=OURS),
    post(CHANNELS, add_channel, NewChannelResponse, ChannelPost, needs=OWNER,
         below=OURS),
    get(CHANNEL, show_channel, ChannelResponse, needs=EDITOR, below=OURS),
    patch(CHANNEL, change_channel, ChannelResponse, ChannelPatch, needs=OWNER,
          below=OURS),
    delete(CHANNEL, remove_channel, needs=OWNER, below=OURS),
    post(f"{CHANNEL}/test", test_channel, ChannelTestResponse, needs=OWNER,
         status=OK, below=OURS),
)
# fmt: on
"""Who is who, and who may do what where."""
