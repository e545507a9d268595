"""What is checked before the first build, chosen by the settings."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from service.adapters.clock import SystemClock
from service.app.doctor.forge_checks import forge_checks
from service.app.doctor.settings_checks import check_settings
from service.domain.diagnosis import CheckResult, CheckStatus
from service.errors import ServiceError, TransientError
from service.settings import Settings, passed_to_builds
from service.usecases.diagnose import DEADLINE, Check, diagnose

if TYPE_CHECKING:
    from service.adapters.kubernetes.doctor.inspector import Inspector, ServiceAccount
    from service.adapters.kubernetes.options import KubernetesOptions
    from service.adapters.kubernetes.signing.step import SigningOptions

__all__ = ["examine"]

_ALL: Final = 4 * DEADLINE
"""How long all of it may take: some checks wait for others."""
_KUBECONFIG: Final = (
    "set RELAUNCH_KUBERNETES_KUBECONFIG to a file that reaches the cluster, or run in "
    "a pod with a service account"
)


async def examine(settings: Settings, *, account: str = "") -> Sequence[CheckResult]:
    """Check everything that builds need; no check stops another.

    Args:
        settings: Those of `relaunch consume`.
        account: `name` or `namespace:name` of a service account whose rights are
            asked for, in the place of our own.
    """
    parts = [
        Check(subject="settings", run=partial(_settings, settings)),
        Check(subject="builds", run=partial(_builds, settings, account)),
        Check(subject="servers", run=partial(_servers, settings)),
    ]
    # What makes the checks is isolated, too; each of them has a deadline of its own.
    return await diagnose(parts, secrets=settings.secrets(), deadline=_ALL)


async def _settings(settings: Settings) -> Sequence[CheckResult]:
    return await asyncio.to_thread(check_settings, settings)


async def _builds(settings: Settings, account: str) -> Sequence[CheckResult]:
    if settings.upstream is not None:
        # Its library of databases is loaded only where it is needed.
        from service.app.doctor.upstream_checks import check_renku  # noqa: PLC0415

        return await check_renku(settings, settings.upstream)
    if settings.builder != "kubernetes":
        seen = "builds run on this machine (RELAUNCH_BUILDER=local): no cluster"
        return [CheckResult.ok("builder", seen)]
    async with AsyncExitStack() as stack:
        return await _examine_builds(stack, settings, account)


async def _servers(settings: Settings) -> Sequence[CheckResult]:
    async with forge_checks(settings, clock=SystemClock()) as tokens:
        checks = [
            Check(subject="database", run=partial(_database, settings)),
            Check(subject="bus", run=partial(_bus, settings)),
            Check(subject="hooks", run=partial(_hooks, settings)),
            *tokens,
        ]
        return await _diagnosed(settings, checks)


async def _examine_builds(
    stack: AsyncExitStack, settings: Settings, account: str
) -> Sequence[CheckResult]:
    """Check the cluster and the registries of builds.

    Their modules take two seconds to load: only who builds in a cluster has them.
    """
    from service.adapters.kubernetes.doctor.checks import (  # noqa: PLC0415
        check_api_server,
        checks_inside,
        open_registries,
    )
    from service.adapters.kubernetes.signing.step import (  # noqa: PLC0415
        SigningOptions,
    )
    from service.app.kubernetes import kubernetes_options  # noqa: PLC0415

    try:
        options = kubernetes_options(settings)
    except ServiceError:
        seen = "not checked before the settings are complete"
        return [CheckResult.warning("cluster and registries", seen)]
    found: list[CheckResult] = []
    inspector = await _connect(stack, settings, account, found)
    inside: Sequence[Check] = ()
    if inspector is not None:
        first = check_api_server(inspector)
        found += await _diagnosed(settings, [first])
        if any(result.status is CheckStatus.FAILED for result in found):
            found.append(_not_looked_at(options))
        else:
            at_once = settings.build.max_concurrent
            inside = checks_inside(inspector, options, at_once=at_once)
    registries = await stack.enter_async_context(
        open_registries(
            options,
            credentials=settings.kubernetes.registry_config,
            environment=passed_to_builds(settings),
        )
    )
    signing = _signing_or_problem(settings)
    if isinstance(signing, CheckResult):
        found.append(signing)
    checks = [*inside, *registries.checks(inspector if inside else None)]
    if isinstance(signing, SigningOptions):
        checks += registries.signature_checks(signing.credentials)
    return [*found, *await _diagnosed(settings, checks)]


def _signing_or_problem(settings: Settings) -> "SigningOptions | CheckResult | None":
    from service.app.signing import signing_options  # noqa: PLC0415

    try:
        return signing_options(settings)
    except ServiceError as exc:
        return CheckResult.failed("signatures", str(exc))


async def _connect(
    stack: AsyncExitStack, settings: Settings, account: str, found: list[CheckResult]
) -> "Inspector | None":
    from service.adapters.kubernetes.connection import ApiConnection  # noqa: PLC0415
    from service.adapters.kubernetes.doctor.inspector import Inspector  # noqa: PLC0415

    chosen = settings.kubernetes
    connection = ApiConnection(
        namespace=chosen.namespace,
        kubeconfig=chosen.kubeconfig,
        context=chosen.context,
    )
    asked = _account(account, chosen.namespace)
    try:
        return await stack.enter_async_context(
            Inspector.connect(connection, account=asked)
        )
    except ServiceError as exc:
        found.append(CheckResult.failed("kubeconfig", str(exc), _KUBECONFIG))
        return None


def _account(text: str, namespace: str) -> "ServiceAccount | None":
    from service.adapters.kubernetes.doctor.inspector import ServiceAccount  # noqa: PLC0415

    if not text:
        return None
    where, _, name = text.rpartition(":")
    return ServiceAccount(namespace=where or namespace, name=name)


def _not_looked_at(options: "KubernetesOptions") -> CheckResult:
    return CheckResult.warning(
        f"namespace {options.namespace}",
        "not checked before the API server answers: rights, Pod Security, quotas, "
        "limits, Secrets, volumes, queue and nodes",
    )


async def _database(settings: Settings) -> Sequence[CheckResult]:
    if settings.database_url.startswith("sqlite"):
        seen = "a SQLite file, which belongs to one process (relaunch dev)"
        return [CheckResult.ok("database", seen)]
    from service.adapters.store.inspection import inspect_database  # noqa: PLC0415

    try:
        found = await inspect_database(settings.database_url)
    except ServiceError as exc:
        advice = _mend(exc, "RELAUNCH_DATABASE")
        return [CheckResult.failed("database", str(exc), advice)]
    if found.schema == found.wanted:
        seen = f"{found.server} answers; our tables are in it"
        return [CheckResult.ok("database", seen)]
    tables = f"schema {found.schema!r}" if found.schema else "no tables of ours"
    seen = (
        f"{found.server} answers and has {tables}; this version needs {found.wanted!r}"
    )
    if found.schema and found.schema > found.wanted:
        advice = "run the newer version, or its `relaunch migrate --down`"
        return [CheckResult.failed("database", seen, advice)]
    return [CheckResult.warning("database", seen, "run `relaunch migrate`")]


async def _hooks(settings: Settings) -> Sequence[CheckResult]:
    from service.app.doctor.hook_checks import check_hooks  # noqa: PLC0415 - rows, too

    return await check_hooks(settings)


async def _bus(settings: Settings) -> Sequence[CheckResult]:
    if settings.bus is None:
        return [
            CheckResult.ok("bus", "a table of the database (RELAUNCH_BUS is unset)")
        ]
    from service.adapters.rabbitmq.inspection import inspect_broker  # noqa: PLC0415
    from service.app.amqp import broker_of  # noqa: PLC0415

    try:
        found = await inspect_broker(broker_of(settings))
    except ServiceError as exc:
        return [CheckResult.failed("bus", str(exc), _mend(exc, "RELAUNCH_BUS"))]
    seen = f"{', '.join(found.answering)} answers"
    if found.away:
        seen = f"{seen}; {'; '.join(found.away)}"
        return [CheckResult.warning("bus", seen, "see that every node runs")]
    return [CheckResult.ok("bus", seen)]


def _mend(exc: ServiceError, setting: str) -> str:
    """Describe the remedy for a server; one that is away may keep its address."""
    if isinstance(exc, TransientError):
        return f"see that it runs and is reached from here, or correct {setting}"
    return f"correct {setting}"


async def _diagnosed(
    settings: Settings, checks: Sequence[Check]
) -> Sequence[CheckResult]:
    return await diagnose(checks, secrets=settings.secrets())
