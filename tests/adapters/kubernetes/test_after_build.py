"""What a finished build waits for before launchers get its image is said."""

from datetime import timedelta

import pytest

from service.adapters.kubernetes.diagnosis.after_build import (
    registry_failure,
    smoke_start_failure,
)
from service.adapters.kubernetes.errors import ApiRefusedError
from service.adapters.kubernetes.oci.connection import RegistryRefusedError
from service.domain.building.build import Image
from service.domain.building.failure import FailureClass
from service.errors import NotFoundError, PermanentError, ServiceError, TransientError
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.door import a_door, is_of_consumer, waiting
from tests.adapters.kubernetes.jobs import a_build_of
from tests.adapters.local.builds import finished
from tests.support.githttp import GitForge
from tests.support.kube import Kube

QUOTA = (
    'creating Job x: 403 jobs.batch "x" is forbidden: exceeded quota: few, requested: '
    "count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1"
)


@pytest.mark.kubernetes
@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, FailureClass.REGISTRY_REFUSED), (429, FailureClass.NETWORK)],
)
async def test_a_new_image_that_cannot_be_read_is_waited_for_and_said(
    kube: Kube, forge: GitForge, status: int, kind: FailureClass
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    async with (
        a_door(kube, refuses=is_of_consumer, status=status) as door,
        a_kubernetes_builder(
            kube,
            target=f"{door.host}/{kube.namespace}",
            run_image=f"{door.host}/{kube.standin}",
            insecure_registries=(kube.registry, door.host),
            deadline=timedelta(minutes=1),
        ) as builder,
    ):
        await builder.start(build)
        while not door.refused:
            await builder.observe([build])
            await builder.changed()
        seen = await waiting(builder, build)
        door.is_mended = True
        ended = await finished(builder, build)
        await builder.release(build.id)

    assert seen.hindrance is not None
    assert seen.hindrance.kind is kind
    assert door.host in seen.hindrance.message
    assert isinstance(ended.outcome, Image)


def test_a_registry_that_refuses_is_an_operators_matter() -> None:
    failure = registry_failure(RegistryRefusedError("asking r.example.org for x: 403"))

    assert failure.kind is FailureClass.REGISTRY_REFUSED
    assert "r.example.org" in failure.message
    assert "RELAUNCH_KUBERNETES_REGISTRY_CONFIG" in failure.hint


@pytest.mark.parametrize(
    ("error", "kind", "named"),
    [
        (ApiRefusedError(QUOTA), FailureClass.NOT_ADMITTED, "the quota few"),
        (
            PermanentError("creating Job x: 422 spec is invalid"),
            FailureClass.NOT_ADMITTED,
            "spec is invalid",
        ),
        (
            ApiRefusedError('creating Job x: 404 namespaces "builds" not found'),
            FailureClass.MISSING_RESOURCE,
            "the Namespace builds does not exist",
        ),
        (
            RegistryRefusedError("asking r.example.org for x: 401"),
            FailureClass.REGISTRY_REFUSED,
            "r.example.org",
        ),
        (NotFoundError("r.example.org/x is gone"), FailureClass.INTERNAL, "is gone"),
        (TransientError("503"), FailureClass.INTERNAL, "503"),
    ],
)
def test_a_smoke_test_that_cannot_start_names_what_is_in_its_way(
    error: ServiceError, kind: FailureClass, named: str
) -> None:
    failure = smoke_start_failure(error)

    assert failure.kind is kind
    assert named in failure.message
    assert failure.kind.depends_on_settings
