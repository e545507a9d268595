"""A request that is sent again is answered as it was, with its headers."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.repos import Repo

IMAGE = {
    "name": "R",
    "container_image": "example.org/r:1",
    "environment_image_source": "image",
}
CODE = {
    "builder_variant": "python",
    "frontend_variant": "none",
    "environment_image_source": "build",
}


def body_of(path: str, repo: Repo) -> Any:
    if path.endswith("/projects"):
        return {"name": "Course", "namespace": "installation"}
    if path.endswith("/environments"):
        return IMAGE
    return {"name": "course", "environment": {"repository": repo.url, **CODE}}


@pytest.mark.parametrize(
    "path",
    [
        "/api/data/projects",
        "/api/data/environments",
        "/api/data/session_launchers",
        "/api/relaunch/session_launchers",
    ],
)
async def test_a_replay_has_the_tag_of_the_first_answer(
    path: str, api: Api, repo: Repo
) -> None:
    body, key = body_of(path, repo), {"Idempotency-Key": "k1"}
    first = await api.call("POST", path, body, headers=key)
    assert first.status == 201, first

    again = await api.call("POST", path, body, headers=key)

    assert (again.status, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"]
    one = f"{path}/{first.json['id']}"
    changed = await api.call(
        "PATCH", one, {"name": "B"}, headers={"If-Match": again.headers["ETag"]}
    )
    assert changed.status == 200, changed
