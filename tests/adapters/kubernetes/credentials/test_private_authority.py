"""Git, registry and package index behind an authority that only an operator knows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.adapters.kubernetes.options import CaBundle
from service.certificates import combine_certificates
from service.domain.building.build import Build
from service.domain.building.failure import Failure, FailureClass
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.jobs import a_build_of
from tests.adapters.local.builds import KeptLogs, failure_of, image_of
from tests.support.githttp import GitForge
from tests.support.kube import Kube
from tests.support.tls import Certificates, tls_before

pytestmark = [pytest.mark.kubernetes]

FILES = {"requirements.txt": "words\n"}


@dataclass(frozen=True, kw_only=True)
class Walled:
    """Servers that speak TLS alone."""

    kube: Kube
    forge: GitForge
    certificates: Certificates
    registry: str
    index: str
    git: str
    folder: Path

    def build(self) -> Build:
        build = a_build_of(self.forge, FILES)
        return replace(
            build,
            repository_url=build.repository_url.replace(self.forge.url, self.git),
        )

    def options(self, **changes: Any) -> dict[str, Any]:
        """Return options that name these servers, and trust them."""
        return {
            "target": f"{self.registry}/{self.kube.namespace}",
            "git_protocols": ("https",),
            "variables": {"PIP_INDEX_URL": self.index, "PIP_RETRIES": "0"},
            "ca_bundle": CaBundle(kind="configMap", name="corporate"),
            **changes,
        }

    @property
    def trusted(self) -> dict[str, str]:
        return combine_certificates(self.certificates.ca, system="", folder=self.folder)

    async def give(self, kind: str = "configmap", name: str = "corporate") -> None:
        """Put the certificate of the authority into the namespace."""
        words = ["configmap"] if kind == "configmap" else ["secret", "generic"]
        await self.kube.kubectl(
            "create", *words, name, f"--from-file=ca.crt={self.certificates.ca}"
        )


@pytest.fixture
async def walled(
    kube: Kube, forge: GitForge, index: str, tmp_path: Path
) -> AsyncIterator[Walled]:
    certificates = Certificates.made_in(tmp_path, address=kube.host)
    registry, packages, git = (
        (parts.hostname or "", parts.port or 0)
        for parts in map(urlsplit, (f"http://{kube.registry}", index, forge.url))
    )
    async with (
        tls_before(certificates, target=registry, host=kube.host) as one,
        tls_before(certificates, target=packages, host=kube.host) as two,
        tls_before(certificates, target=git, host=kube.host) as three,
    ):
        yield Walled(
            kube=kube,
            forge=forge,
            certificates=certificates,
            registry=f"{kube.host}:{one}",
            index=f"https://{kube.host}:{two}/simple/",
            git=f"https://{kube.host}:{three}",
            folder=tmp_path,
        )


def a_builder(walled: Walled, logs: KeptLogs | None = None, **changes: Any) -> Any:
    options = walled.options(**changes)
    return a_kubernetes_builder(
        walled.kube, logs=logs, trusting=walled.trusted, **options
    )


@pytest.mark.parametrize("kind", ["configmap", "secret"])
async def test_all_of_a_build_trusts_it(walled: Walled, kind: str) -> None:
    name = f"corporate-{kind}"
    await walled.give(kind, name)
    bundle = CaBundle.from_text(f"{kind}/{name}")
    logs = KeptLogs()

    async with a_builder(walled, logs, ca_bundle=bundle) as builder:
        image = await image_of(builder, walled.build())

    assert image.reference.startswith(f"{walled.registry}/")
    assert "words" in {package.name for package in image.packages}
    assert "Added 1 additional CA certificate(s)" in logs.text()


async def test_without_it_nothing_is_cloned(walled: Walled) -> None:
    async with a_builder(walled, ca_bundle=None) as builder:
        failure = await failure_of(builder, walled.build())

    assert failure.kind is FailureClass.CERTIFICATE
    assert "RELAUNCH_KUBERNETES_CA_BUNDLE" in failure.hint


async def test_without_it_the_registry_is_not_believed(walled: Walled) -> None:
    build = a_build_of(walled.forge, FILES)  # which is there without TLS, too

    async with a_builder(walled, ca_bundle=None, git_protocols=("http",)) as builder:
        failure = await failure_of(builder, build)

    assert failure.kind is FailureClass.CERTIFICATE
    assert "the certificate of the registry is not trusted" in failure.message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("configmap/not-there", "the ConfigMap not-there"),
        ("secret/not-there", "the Secret not-there"),
    ],
)
async def test_a_bundle_that_is_not_there_is_waited_for_by_name(
    walled: Walled, text: str, named: str
) -> None:
    build = walled.build()
    async with a_builder(walled, ca_bundle=CaBundle.from_text(text)) as builder:
        await builder.start(build)
        hindrance: Failure | None = None
        while hindrance is None or hindrance.kind is FailureClass.NOT_STARTED:
            (seen,) = (await builder.observe([build])).values()
            hindrance = getattr(seen, "hindrance", None)
            await builder.changed()
        await builder.cancel(build.id)

    assert hindrance.kind is FailureClass.MISSING_RESOURCE
    assert named in hindrance.message
