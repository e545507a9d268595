"""GitHub's REST resources, as far as they are served here.

https://docs.github.com/en/rest. Answers are held against GitHub's own description in
`tests/forge/test_github_description.py`.
"""

from typing import TYPE_CHECKING, Final

from aiohttp import web

from tests.support.forge import (
    github_compare,
    github_contents,
    github_git,
    github_graphql,
    github_hooks,
    github_repos,
    github_statuses,
)
from tests.support.forge.routing import add_all, nothing

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

SECONDARY: Final = (
    "You have exceeded a secondary rate limit. "
    "Please wait a few minutes before you try again."
)
_PARTS: Final = (
    github_statuses,
    github_hooks,
    github_compare,
    github_contents,
    github_git,
    github_repos,
)
"""Longer paths first: a ref may hold slashes."""


def add_routes(router: web.UrlDispatcher, forge: "Forge", root: str) -> None:
    """Serve repositories by name and by number."""
    for part in _PARTS:
        for base in ("/repos/{owner}/{name}", "/repositories/{number:[0-9]+}"):
            add_all(router, root + base, part.routes(forge))
    add_all(router, root, github_repos.other_routes(forge))
    github_graphql.add_routes(router, forge)
    router.add_route("*", root + "/{rest:.*}", nothing)
