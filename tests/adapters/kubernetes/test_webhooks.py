"""Rules of a cluster's own: webhooks that deny a Job or its pod, or are away."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from service.adapters.kubernetes.manifests.names import BUILD, to_label_value
from service.domain.building.build import Build
from service.domain.building.failure import FailureClass
from service.ports.builder import HinderedError
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.door import waiting
from tests.adapters.kubernetes.jobs import a_build_of
from tests.adapters.local.builds import image_of
from tests.support.githttp import GitForge
from tests.support.kube import Kube
from tests.support.tls import Certificates

pytestmark = [pytest.mark.kubernetes]

NAME: Final = "no.example.org"
WHY: Final = "images of builds have to be signed"


@dataclass(kw_only=True)
class Webhook:
    """Answers each admission review; `status` is that of its refusal, 0 allows.

    https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
    """

    status: int

    async def handle(self, request: web.Request) -> web.Response:
        review = await request.json()
        answer: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": True}
        if self.status:
            status = {"code": self.status, "message": WHY}
            answer |= {"allowed": False, "status": status}
        return web.json_response(
            {
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "response": answer,
            }
        )


@asynccontextmanager
async def a_webhook(
    kube: Kube, build: Build, folder: Path, *, resource: str, status: int = 403
) -> AsyncIterator[tuple[Webhook, web.TCPSite]]:
    """Have one that sees the objects of one build, and no others."""
    webhook = Webhook(status=status)
    files = Certificates.made_in(folder, address=kube.host)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server, files.server_key)
    application = web.Application()
    application.router.add_post("/", webhook.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, kube.host, 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    group = "batch" if resource == "jobs" else ""
    name = f"no-{to_label_value(build.id)}".lower()
    rule = {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": [resource],
    }
    registered = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": NAME,
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "clientConfig": {
                    "url": f"https://{kube.host}:{port}/",
                    "caBundle": base64.b64encode(files.ca.read_bytes()).decode(),
                },
                "objectSelector": {"matchLabels": {BUILD: to_label_value(build.id)}},
                "rules": [rule],
            }
        ],
    }
    try:
        await kube.create(registered)
        yield webhook, site
    finally:
        await kube.delete("validatingwebhookconfiguration", name)
        await runner.cleanup()


async def refused_by_webhook(builder: Any, build: Build) -> HinderedError:
    """Start a build until its webhook is in force, which takes a moment."""
    while True:
        try:
            await builder.start(build)
        except HinderedError as exc:
            return exc
        await builder.cancel(build.id)
        await builder.changed()


@pytest.mark.parametrize("status", [403, 400, 422])
async def test_a_webhook_that_denies_a_job_is_named(
    kube: Kube, forge: GitForge, tmp_path: Path, status: int
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    async with (
        a_webhook(kube, build, tmp_path, resource="jobs", status=status),
        a_kubernetes_builder(kube) as builder,
    ):
        refused = await refused_by_webhook(builder, build)

    assert refused.failure.kind is FailureClass.NOT_ADMITTED
    assert f'admission webhook "{NAME}" denied the request' in refused.failure.message
    assert WHY in refused.failure.message


async def test_a_webhook_that_is_away_is_named(
    kube: Kube, forge: GitForge, tmp_path: Path
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    async with (
        a_webhook(kube, build, tmp_path, resource="jobs") as (_, site),
        a_kubernetes_builder(kube) as builder,
    ):
        await site.stop()
        refused = await refused_by_webhook(builder, build)

    assert refused.failure.kind is FailureClass.NOT_ADMITTED
    assert f'failed calling webhook "{NAME}"' in refused.failure.message


async def test_a_build_whose_pod_a_webhook_denies_waits_and_says_so(
    kube: Kube, forge: GitForge, tmp_path: Path
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    async with (
        a_webhook(kube, build, tmp_path, resource="pods") as (webhook, _),
        a_kubernetes_builder(kube) as builder,
    ):
        await builder.start(build)
        seen = await waiting(builder, build)
        webhook.status = 0
        await image_of(builder, build)
        await builder.release(build.id)

    assert seen.hindrance is not None
    assert seen.hindrance.kind is FailureClass.NOT_ADMITTED
    assert WHY in seen.hindrance.message
