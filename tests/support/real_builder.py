"""A real builder image, where there is one: it runs what the stand-in runs.

`RELAUNCH_TEST_BUILDER` and `RELAUNCH_TEST_RUN_IMAGE` name images of a registry that
pods, nodes and this machine reach. As whom phases run is read off the image.
"""

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest
from aiohttp import ClientSession

from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.options import Resources
from tests.support.kube import Kube

__all__ = ["NEEDS", "PATIENCE", "RealBuilder", "real_builder"]

BUILDER: Final = "RELAUNCH_TEST_BUILDER"
RUN_IMAGE: Final = "RELAUNCH_TEST_RUN_IMAGE"
PATIENCE: Final = timedelta(minutes=20)
"""How long one build may take: the first pulls the images, and fetches a Python."""
NEEDS: Final = (
    f"needs of {BUILDER}: git and sh; a buildpack that detects requirements.txt, "
    "installs it with pip, is told PIP_INDEX_URL by platform/env, and writes a bill of "
    "materials (CycloneDX, as Paketo's and Renku's do); no process where there is no "
    "Procfile, or one that runs on; and a network in which its buildpacks find what "
    "they fetch"
)
_METADATA: Final = "io.buildpacks.builder.metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealBuilder:
    """Images that were not made by us, and what they say of themselves."""

    builder: str
    run_image: str
    user: int
    group: int
    buildpacks: tuple[str, ...]
    """As its labels name them; empty when they do not."""

    @property
    def needs(self) -> str:
        """Say what a failure may come from."""
        has = ", ".join(self.buildpacks) or "buildpacks that it does not name"
        return f"this {NEEDS}; it has {has}"

    def options(self) -> dict[str, Any]:
        """Return what is different in a builder of the test cluster."""
        return {
            "builder_image": self.builder,
            "run_image": self.run_image,
            # Builders hold git; of run images only Renku's does.
            "git_image": self.builder,
            "user": self.user,
            "group": self.group,
            "deadline": PATIENCE,
            "resources": Resources(
                cpu_request="250m",
                cpu_limit="4",
                memory_request="512Mi",
                memory_limit="4Gi",
                disk_request="1Gi",
                disk_limit="20Gi",
            ),
            "source_size": "1Gi",
            "layers_size": "10Gi",
            "tmp_size": "5Gi",
        }

    def settings(self) -> dict[str, str]:
        """Return the same as variables of the service."""
        changed = {
            "builder_image": self.builder,
            "run_image": self.run_image,
            "git_image": self.builder,
            "user": str(self.user),
            "group": str(self.group),
            "deadline": f"{PATIENCE.total_seconds():g}s",
            "smoke_test_deadline": "10m",
            "cpu": "250m",
            "cpu_limit": "4",
            "memory": "512Mi",
            "memory_limit": "4Gi",
            "disk": "1Gi",
            "disk_limit": "20Gi",
            "source_size": "1Gi",
            "layers_size": "10Gi",
            "tmp_size": "5Gi",
        }
        return {
            f"RELAUNCH_KUBERNETES_{name.upper()}": text
            for name, text in changed.items()
        }


async def real_builder(kube: Kube) -> RealBuilder:
    """Return the builder that the variables name; skip the test without."""
    named = {value: os.environ.get(value) for value in (BUILDER, RUN_IMAGE)}  # noqa: TID251 - what this machine has
    lacking = [name for name, text in named.items() if not text]
    if lacking:
        pytest.skip(
            f"no real builder: {' and '.join(lacking)} not set to images of a "
            "registry that the cluster reaches"
        )
    builder, run_image = named[BUILDER] or "", named[RUN_IMAGE] or ""
    said = await _config(builder, kube)
    variables = dict(value.partition("=")[::2] for value in said.get("Env") or ())
    metadata = json.loads((said.get("Labels") or {}).get(_METADATA) or "{}")
    return RealBuilder(
        builder=builder,
        run_image=run_image,
        user=int(variables["CNB_USER_ID"]),
        group=int(variables["CNB_GROUP_ID"]),
        buildpacks=tuple(
            buildpack["id"] for buildpack in metadata.get("buildpacks") or ()
        ),
    )


async def _config(image: str, kube: Kube) -> dict[str, Any]:
    """Return what an image says of itself."""
    reference = ImageReference.from_text(image)
    async with asyncio.timeout(60), ClientSession(trust_env=True) as session:
        registry = Registry(session=session, insecure=[kube.registry], credentials=None)
        manifest = await registry.manifest(reference)
        read = json.loads(await registry.blob(reference, manifest.config))
    found: dict[str, Any] = read.get("config") or {}
    return found
