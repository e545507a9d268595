"""All checks of a cluster and its registries, in the order of the report."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession

from service.adapters.kubernetes.credentials.privacy import options_for
from service.adapters.kubernetes.doctor.access import check_rights, check_version
from service.adapters.kubernetes.doctor.admission import check_jobs, check_pods
from service.adapters.kubernetes.doctor.images import ImageChecks
from service.adapters.kubernetes.doctor.inspector import Inspector
from service.adapters.kubernetes.doctor.namespace import check_namespace
from service.adapters.kubernetes.doctor.nodes import check_nodes
from service.adapters.kubernetes.doctor.quotas import check_limits, check_quotas
from service.adapters.kubernetes.doctor.references import (
    check_queue,
    check_reference,
    docker_config,
)
from service.adapters.kubernetes.doctor.sample import (
    DEFAULT_PLATFORM,
    Sample,
    create_sample,
    private_builds,
)
from service.adapters.kubernetes.doctor.signatures import (
    SIGNATURES,
    SignatureChecks,
)
from service.adapters.kubernetes.oci.connection import make_session
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.options import KubernetesOptions
from service.certificates import tls_of
from service.domain.diagnosis import CheckResult
from service.errors import ServiceError
from service.usecases.diagnose import Check

__all__ = ["Registries", "check_api_server", "checks_inside", "open_registries"]

_ACCESS: Final = (
    "set RELAUNCH_KUBERNETES_KUBECONFIG to a file that reaches it, or run in a pod "
    "with a service account"
)
Found = Coroutine[Any, Any, Sequence[CheckResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """The registry checks, with the credentials that they use."""

    session: ClientSession
    folder: Path
    """A private directory for credentials, removed after the checks."""
    credentials: Path | None
    """The consumer's credentials for registries."""
    options: KubernetesOptions
    audience: str = ""
    """`private ` for the registry of images of private repositories."""

    def of_private(self) -> "Registries | None":
        """Return the checks for private repositories; None without a private target."""
        if not self.options.private_target:
            return None
        first, *_ = private_builds(self.options)
        return replace(
            self, options=options_for(first, self.options), audience="private "
        )

    def as_consumer(self, sample: Sample) -> ImageChecks:
        """Return the checks with the consumer's credentials."""
        shown_as = "without credentials"
        if self.credentials is not None:
            shown_as = "with RELAUNCH_KUBERNETES_REGISTRY_CONFIG"
        return self._checks(sample, self.credentials, shown_as)

    async def as_pods(self, inspector: Inspector | None, sample: Sample) -> ImageChecks:
        """Return the checks with the pods' Secret, if it can be read."""
        name = self.options.registry_secret
        content = None
        if inspector is not None and name:
            with suppress(ServiceError):
                content = await docker_config(inspector, name)
        if content is None:
            return self.as_consumer(sample)
        # The registry client reads credentials from a file; this one lies in a private
        # temporary directory and is removed with it.
        path = self.folder / f"{name}.json"
        await asyncio.to_thread(path.write_bytes, content)
        return self._checks(sample, path, f"with the Secret {name}")

    def signature_checks(self, credentials: Path | None) -> Sequence[Check]:
        """Return the checks with the credentials for signatures."""
        shown_as = "without credentials"
        if credentials is not None:
            shown_as = f"with {credentials}"
        registry = Registry(
            session=self.session,
            insecure=self.options.insecure_registries,
            credentials=credentials,
        )
        checks = SignatureChecks(
            registry=registry, options=self.options, shown_as=shown_as
        )
        return [_check(SIGNATURES, checks.check_push)]

    def _checks(
        self, sample: Sample, credentials: Path | None, shown_as: str
    ) -> ImageChecks:
        registry = Registry(
            session=self.session,
            insecure=self.options.insecure_registries,
            credentials=credentials,
        )
        return ImageChecks(
            registry=registry,
            options=self.options,
            sample=sample,
            shown_as=shown_as,
            audience=self.audience,
        )

    def checks(self, inspector: Inspector | None) -> Sequence[Check]:
        """Return the checks of registries, which need no cluster."""
        image_checks = []
        for platform in _platforms(self.options):
            images = self.as_consumer(create_sample(self.options, platform=platform))
            image_checks += [
                _check("builder image", images.check_builder),
                _check("run image", images.check_run_image),
            ]
        sample = create_sample(self.options)

        private = self.of_private()
        return [
            *image_checks,
            _check("git image", self.as_consumer(sample).check_git_image),
            _check("target", partial(self.check_push, inspector)),
            _check("reading of the target", self.as_consumer(sample).check_pull),
            *(
                [
                    _check(
                        "reading of the private target",
                        private.as_consumer(sample).check_pull,
                    )
                ]
                if private
                else ()
            ),
            _check(
                "private target",
                partial(private.check_push, inspector)
                if private
                else partial(_report_refusal, self.options),
            ),
        ]

    async def check_push(self, inspector: Inspector | None) -> Sequence[CheckResult]:
        """Check that images may be pushed with the credentials of pods."""
        images = await self.as_pods(inspector, create_sample(self.options))
        return await images.check_push()


@asynccontextmanager
async def open_registries(
    options: KubernetesOptions,
    *,
    credentials: Path | None,
    environment: Mapping[str, str],
) -> AsyncIterator[Registries]:
    """Open the registry client for the block."""
    with tempfile.TemporaryDirectory(prefix="relaunch-doctor-") as folder:
        async with make_session(tls_of(environment)) as session:
            yield Registries(
                session=session,
                folder=Path(folder),
                credentials=credentials,
                options=options,
            )


async def _report_refusal(options: KubernetesOptions) -> Sequence[CheckResult]:
    """Report that private repositories are refused; a warning with Git Secrets."""
    seen = "none is set: builds of private repositories are refused"
    if not options.git_secrets:
        return [CheckResult.ok("private target", seen)]
    advice = "set RELAUNCH_KUBERNETES_PRIVATE_TARGET, as there are GIT_SECRETS"
    return [CheckResult.warning("private target", seen, advice)]


def check_api_server(inspector: Inspector) -> Check:
    """Return the check that has to pass before the others in the cluster."""
    run = partial(check_version, inspector)
    return Check(subject="API server", run=run, advice=_ACCESS)


def checks_inside(
    inspector: Inspector, options: KubernetesOptions, *, at_once: int
) -> Sequence[Check]:
    """Return the checks in the cluster, once its API server answers."""
    sample = create_sample(options)
    hosts = [options.target.partition("/")[0]]
    nodes = [
        _check(
            f"nodes for {platform}",
            partial(check_nodes, inspector, create_sample(options, platform=platform)),
        )
        for platform in _platforms(options)
    ]
    named = [
        _check(
            f"{reference.kind} {reference.name}",
            partial(
                check_reference,
                inspector,
                reference,
                hosts=_hosts(reference.name, options, hosts),
            ),
        )
        for reference in sample.references()
    ]
    queue = partial(check_queue, inspector, options.queue)
    return [
        _check("rights", partial(check_rights, inspector)),
        _check(f"namespace {options.namespace}", partial(check_namespace, inspector)),
        _check("Jobs", partial(check_jobs, inspector, sample)),
        _check("pods", partial(check_pods, inspector, sample)),
        _check(
            "ResourceQuotas",
            partial(check_quotas, inspector, sample, at_once=at_once),
        ),
        _check("LimitRanges", partial(check_limits, inspector, sample)),
        *named,
        *([_check(f"LocalQueue {options.queue}", queue)] if options.queue else []),
        *nodes,
    ]


def _hosts(
    name: str, options: KubernetesOptions, hosts: Sequence[str]
) -> Sequence[str]:
    """Return the registries that a Secret needs credentials for: its target's."""
    if options.private_target and name == options.private_registry_secret:
        return [options.private_target.partition("/")[0]]
    return hosts if name == options.registry_secret else ()


def _platforms(options: KubernetesOptions) -> Sequence[str]:
    return list(dict.fromkeys((DEFAULT_PLATFORM, *options.platforms)))


def _check(subject: str, run: Callable[[], Found]) -> Check:
    return Check(subject=subject, run=run)
