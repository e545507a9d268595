"""The project of launchers that name none is always there."""

from service.domain.rights.project import DEFAULT_PROJECT
from tests.support.api import Api
from tests.support.repos import Repo

PATH = f"/api/data/projects/{DEFAULT_PROJECT}"


async def test_the_default_project_cannot_be_removed(api: Api, repo: Repo) -> None:
    launcher = await api.add_launcher(repo.url)

    refused = await api.call("DELETE", PATH)

    assert refused.status == 409, refused
    assert "default project" in refused.json["error"]["message"]
    assert (await api.call("GET", PATH)).status == 200
    assert await api.get(f"/session_launchers/{launcher['id']}")
