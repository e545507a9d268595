"""A private repository is built in the cluster, to its own prefix."""

import pytest

from service.domain.building.failure import FailureClass
from service.ports.builder import RefusedError
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.jobs import a_build_of
from tests.adapters.local.builds import image_of
from tests.support.githttp import GitForge
from tests.support.kube import Kube
from tests.support.values import a_build_spec

pytestmark = [pytest.mark.kubernetes]

FILES = {"requirements.txt": ""}
SPEC = a_build_spec(private_to="git.example.org/7")


async def test_it_is_pushed_and_tried_with_its_own_secrets(
    kube: Kube, forge: GitForge
) -> None:
    for name in ("private-push", "private-pull"):
        await kube.kubectl(
            *("create", "secret", "docker-registry", name),
            f"--docker-server={kube.registry}",
            *("--docker-username=private", "--docker-password=secret"),
        )
    target = f"{kube.registry}/{kube.namespace}-private"
    build = a_build_of(forge, FILES, spec=SPEC)
    async with a_kubernetes_builder(
        kube,
        smoke=True,
        private_target=target,
        private_registry_secret="private-push",
        private_pull_secret="private-pull",
    ) as builder:
        image = await image_of(builder, build)

        assert image.reference.startswith(f"{target}/env-")
        assert builder.pull_secret(image.reference) == "private-pull"
        assert await builder.has(image)


async def test_without_a_prefix_no_job_is_made(kube: Kube, forge: GitForge) -> None:
    build = a_build_of(forge, FILES, spec=SPEC)
    async with a_kubernetes_builder(kube) as builder:
        with pytest.raises(RefusedError, match="is private") as refused:
            await builder.start(build)

        assert refused.value.failure.kind is FailureClass.PRIVATE_REFUSED
        assert build.id not in await builder.known_builds()
