"""GitLab's REST resources, as far as they are served here.

https://docs.gitlab.com/api/rest/
"""

from typing import TYPE_CHECKING, Final

from aiohttp import web

from tests.support.forge import (
    gitlab_compare,
    gitlab_files,
    gitlab_graphql,
    gitlab_hooks,
    gitlab_projects,
    gitlab_refs,
    gitlab_statuses,
)
from tests.support.forge.routing import add_all, nothing

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

_PARTS: Final = (
    gitlab_projects,
    gitlab_refs,
    gitlab_files,
    gitlab_compare,
    gitlab_statuses,
    gitlab_hooks,
)


def add_routes(router: web.UrlDispatcher, forge: "Forge", root: str) -> None:
    """Serve projects by number and by encoded path."""
    for part in _PARTS:
        add_all(router, root + "/projects/{id}", part.routes(forge))
    add_all(router, root, gitlab_projects.other_routes(forge))
    gitlab_graphql.add_routes(router, forge)
    router.add_route("*", root + "/{rest:.*}", nothing)
