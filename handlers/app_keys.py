"""What handlers find in their application, typed: use cases, ports and texts."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from handlers.api.lazy_json import LazyJson
from handlers.usecases.build_descriptions import BuildDescriber
from handlers.usecases.explain.report import Explainer
from handlers.usecases.hook_descriptions import HookDescriber
from handlers.usecases.preview import PushPreviewer
from handlers.usecases.usage import UsageReader
from handlers.webhooks.body import BodyReader
from handlers.webhooks.ingest import Receiver
from handlers.webhooks.replay import DeliveryReplayer
from service.domain.building.resource_pool import ResourcePool
from service.metrics import Metrics
from service.ports.builder import BuilderIdentity
from service.ports.bus import Bus
from service.ports.store import Store
from service.ports.time import Clock
from service.usecases.environments.editor import EnvironmentEditor
from service.usecases.hook_maintenance import HookMaintainer
from service.usecases.hooks import HookEditor
from service.usecases.launchers import LauncherEditor
from service.usecases.notifications.channels import ChannelEditor
from service.usecases.platform.failure_alerts import FailureAlerts
from service.usecases.platform.repository_lookup import RepositoryLookup
from service.usecases.rebuilds import RebuildRequester
from service.usecases.rights.authenticate import Authenticator
from service.usecases.rights.authorize import Authorizer
from service.usecases.rights.projects import ProjectEditor
from service.usecases.rights.sign_in import SignIn
from service.usecases.rights.tokens import TokenEditor
from service.usecases.updates.pauses import PauseEditor
from service.usecases.updates.pins import LauncherPinner

__all__ = [
    "ALERTS",
    "AUTHENTICATOR",
    "AUTHORIZER",
    "BODIES",
    "BUILDER",
    "BUILD_DESCRIBER",
    "BUS",
    "CHANNELS",
    "CLOCK",
    "CONTRACT",
    "ENVIRONMENTS",
    "ERROR_PAGE",
    "EXPLAINER",
    "HOOKS",
    "HOOK_DESCRIBER",
    "HOOK_MAINTAINER",
    "LAUNCHERS",
    "METRICS",
    "PAUSES",
    "PINS",
    "POOLS",
    "PREVIEWER",
    "PROJECTS",
    "REBUILDS",
    "RECEIVER",
    "REPLAYER",
    "REPOSITORIES",
    "SIGN_IN",
    "STORE",
    "TOKENS",
    "USAGE",
    "VERSION",
]

ENVIRONMENTS: Final = web.AppKey[EnvironmentEditor]("environments")
LAUNCHERS: Final = web.AppKey[LauncherEditor]("launchers")
PINS: Final = web.AppKey[LauncherPinner]("pins")
PAUSES: Final = web.AppKey[PauseEditor]("pauses")
REPOSITORIES: Final = web.AppKey[RepositoryLookup]("repositories")
ALERTS: Final = web.AppKey[FailureAlerts]("alerts")
POOLS: Final = web.AppKey[tuple[ResourcePool, ...]]("pools")
"""The resource pools that the settings name."""
REBUILDS: Final = web.AppKey[RebuildRequester]("rebuilds")
HOOKS: Final = web.AppKey[HookEditor]("hooks")
HOOK_MAINTAINER: Final = web.AppKey[HookMaintainer]("hook_maintainer")
PREVIEWER: Final = web.AppKey[PushPreviewer]("previewer")
EXPLAINER: Final = web.AppKey[Explainer]("explainer")
BUILD_DESCRIBER: Final = web.AppKey[BuildDescriber]("build_describer")
HOOK_DESCRIBER: Final = web.AppKey[HookDescriber]("hook_describer")

STORE: Final = web.AppKey[Store]("store")
BUS: Final = web.AppKey[Bus]("bus")
CLOCK: Final = web.AppKey[Clock]("clock")
RECEIVER: Final = web.AppKey[Receiver]("receiver")
REPLAYER: Final = web.AppKey[DeliveryReplayer]("replayer")
BODIES: Final = web.AppKey[BodyReader]("bodies")
METRICS: Final = web.AppKey[Metrics]("metrics")
CONTRACT: Final = web.AppKey[LazyJson]("contract")
"""The AsyncAPI document of all events."""
AUTHENTICATOR: Final = web.AppKey[Authenticator]("authenticator")
AUTHORIZER: Final = web.AppKey[Authorizer]("authorizer")
PROJECTS: Final = web.AppKey[ProjectEditor]("projects")
TOKENS: Final = web.AppKey[TokenEditor]("tokens")
SIGN_IN: Final = web.AppKey[SignIn]("sign_in")
ERROR_PAGE: Final = web.AppKey[Callable[..., web.Response]]("error_page")
"""Renders the page of an error, where pages are served."""
CHANNELS: Final = web.AppKey[ChannelEditor]("channels")
USAGE: Final = web.AppKey[UsageReader]("usage")
BUILDER: Final = web.AppKey[BuilderIdentity]("builder")
VERSION: Final = web.AppKey[str]("version")
