"""Which builder runs is the settings' choice."""

import subprocess
import sys
from pathlib import Path

import pytest

from service.adapters.kubernetes.builder import KubernetesBuilder
from service.adapters.local.builder import LocalBuilder
from service.app.builders import builder_name, make_builder
from service.app.engines import open_engines
from service.errors import InvalidRequestError
from service.settings import Settings, load

IMAGES = {
    "builder_image": "registry.test/builder:1",
    "run_image": "registry.test/run:1",
    "target": "registry.test/images",
}
WITHOUT = (
    "import service.app.roles.receive, sys; "
    "sys.exit('kubernetes_asyncio' in sys.modules)"
)


def in_a_cluster(folder: Path, **changes: str) -> Settings:
    return load(data=folder, builder="kubernetes", kubernetes=IMAGES | changes)


async def test_the_settings_choose(tmp_path: Path) -> None:
    for settings, kind in (
        (load(data=tmp_path), LocalBuilder),
        (in_a_cluster(tmp_path), KubernetesBuilder),
    ):
        async with open_engines(settings) as engines:
            assert type(make_builder(settings, engines)) is kind


@pytest.mark.parametrize("frontend", ["none", "jupyterlab"])
async def test_who_never_builds_says_the_same_name(
    tmp_path: Path, frontend: str
) -> None:
    settings = in_a_cluster(tmp_path)
    async with open_engines(settings) as engines:
        name = builder_name(settings).identity(frontend=frontend)

        assert name == make_builder(settings, engines).identity(frontend=frontend)
        assert IMAGES["builder_image"] in name


async def test_what_only_an_operator_knows_has_to_be_set(tmp_path: Path) -> None:
    settings = in_a_cluster(tmp_path, target="")
    async with open_engines(settings) as engines:
        with pytest.raises(InvalidRequestError, match="RELAUNCH_KUBERNETES_TARGET"):
            make_builder(settings, engines)


def test_a_receiver_does_not_wait_for_a_library_it_never_uses() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT], check=True)
