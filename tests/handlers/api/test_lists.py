"""Every list that is answered in pages comes to its end, whichever way it is walked."""

import re

from handlers.api.schemas.service import CursorQuery, LimitQuery, PageQuery
from handlers.route import ListOf, Route
from handlers.routes import ROUTES
from tests.handlers.api.conftest import Many
from tests.support.api import Answer, Api
from tests.support.many import MORE
from tests.support.rights import Populated

LISTS = [
    route
    for route in ROUTES
    if isinstance(route.answer, ListOf)
    and route.query is not None
    and issubclass(route.query, (PageQuery, LimitQuery))
]
BY_CURSOR = [
    route
    for route in LISTS
    if route.query is not None and issubclass(route.query, (CursorQuery, LimitQuery))
]
EMPTY = "/dead_letters"
"""Nothing has failed."""
ENOUGH = 20
"""More pages than any of these lists has."""


def whole(route: Route, made: Populated) -> str:
    """Return the address of the whole list."""
    is_history = "limit" in (route.query.model_fields if route.query else ())
    parameter = "limit=1000" if is_history else "page=1&per_page=100"
    return f"{route.path.format(**made.ids)}?{parameter}"


def by_two(route: Route, made: Populated) -> str:
    is_history = "limit" in (route.query.model_fields if route.query else ())
    name = "limit" if is_history else "per_page"
    return f"{route.path.format(**made.ids)}?{name}=2"


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    return [each["id"] for each in answer.json]


async def follow_links(api: Api, path: str) -> list[str]:
    found: list[str] = []
    for _ in range(ENOUGH):
        answer = await api.call("GET", path)
        found += ids(answer)
        if "Link" not in answer.headers:
            return found
        link = re.fullmatch(r'<(.*)>; rel="next"', answer.headers["Link"])
        assert link, answer.headers
        path = link[1]
    raise AssertionError(f"{path} has no end")


async def follow_cursors(api: Api, path: str) -> list[str]:
    found, behind = list[str](), ""
    for _ in range(ENOUGH):
        answer = await api.call("GET", path + behind)
        found += ids(answer)
        if "next-cursor" not in answer.headers:
            return found
        behind = f"&after={answer.headers['next-cursor']}"
    raise AssertionError(f"{path} has no end")


async def test_every_list_is_walked_to_its_end(many: Many) -> None:
    api, made = many
    for route in LISTS:
        expected = ids(await api.call("GET", whole(route, made)))
        assert len(expected) > MORE or route.path.endswith(EMPTY), route.path
        assert len(set(expected)) == len(expected), route.path

        assert await follow_links(api, by_two(route, made)) == expected, route.path
        if route in BY_CURSOR:
            found = await follow_cursors(api, by_two(route, made))
            assert found == expected, route.path


async def test_a_list_without_cursors_takes_none(many: Many) -> None:
    api, made = many
    for route in LISTS:
        if route in BY_CURSOR:
            continue
        answer = await api.call("GET", by_two(route, made))
        refused = await api.call("GET", f"{by_two(route, made)}&after=MQ")

        assert "next-cursor" not in answer.headers, route.path
        assert refused.status == 422, route.path
        assert "after" in refused.json["error"]["message"]


async def test_a_cursor_of_another_list_is_refused(many: Many) -> None:
    api, made = many
    cursors = {}
    for route in BY_CURSOR:
        answer = await api.call("GET", by_two(route, made))
        cursors[route.path] = answer.headers["next-cursor"]
    for route in BY_CURSOR:
        for path, cursor in cursors.items():
            answer = await api.call("GET", f"{by_two(route, made)}&after={cursor}")

            is_own = path == route.path
            assert answer.status == (200 if is_own else 422), (route.path, path)


async def test_a_cursor_is_of_a_list_however_its_ids_are_spelled(many: Many) -> None:
    api, made = many
    path = "/api/data/projects/{}/session_launchers?per_page=2"
    first = await api.call("GET", path.format(made.project.id))

    behind = f"&after={first.headers['next-cursor']}"
    rest = await api.call("GET", path.format(made.project.id.lower()) + behind)

    assert rest.status == 200, rest
    assert not set(ids(first)) & set(ids(rest))
