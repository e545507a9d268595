"""What handlers find in their application, typed."""

from typing import Final

from aiohttp import web

from handlers.bodies import BodyReader
from handlers.papers import Paper
from handlers.receiver import Receiver
from service.domain.hook import Secret
from service.domain.waiting import Limits
from service.metrics import Metrics
from service.ports.builder import Named
from service.ports.bus import Bus
from service.ports.forge_hooks import ForgeHooks
from service.ports.remote import Remote
from service.ports.sandbox import Sandbox
from service.ports.store import Store
from service.ports.time import Clock, Ids

__all__ = [
    "ALLOW_FILES",
    "BODIES",
    "BUILDER",
    "BUS",
    "CLOCK",
    "CONTRACT",
    "FORGE_HOOKS",
    "IDS",
    "LIMITS",
    "METRICS",
    "PUBLIC_URL",
    "RECEIVER",
    "REMOTE",
    "SANDBOX",
    "STORE",
    "TOKEN",
    "VERSION",
]

STORE: Final = web.AppKey[Store]("store")
BUS: Final = web.AppKey[Bus]("bus")
REMOTE: Final = web.AppKey[Remote]("remote")
SANDBOX: Final = web.AppKey[Sandbox]("sandbox")
BUILDER: Final = web.AppKey[Named]("builder")
FORGE_HOOKS: Final = web.AppKey[ForgeHooks]("forge_hooks")
CLOCK: Final = web.AppKey[Clock]("clock")
IDS: Final = web.AppKey[Ids]("ids")
RECEIVER: Final = web.AppKey[Receiver]("receiver")
BODIES: Final = web.AppKey[BodyReader]("bodies")
METRICS: Final = web.AppKey[Metrics]("metrics")
ALLOW_FILES: Final = web.AppKey[bool]("allow_files")
"""Whether repositories of this machine may be followed."""
CONTRACT: Final = web.AppKey[Paper]("contract")
"""The AsyncAPI document of all events."""
LIMITS: Final = web.AppKey[Limits]("limits")
"""What bounds builds."""
PUBLIC_URL: Final = web.AppKey[str]("public_url")
"""Where forges reach the service, without a slash at the end."""
TOKEN: Final = web.AppKey[Secret]("token")
"""What callers of the REST API prove themselves with."""
VERSION: Final = web.AppKey[str]("version")
