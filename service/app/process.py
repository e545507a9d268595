"""What every role does as a process: start, keep its loops going, stop in order."""

import asyncio
import gc
import os
import secrets
import signal
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from consumers.loops.supervisor import Loop, supervise
from service.adapters.egress import EgressPolicy
from service.adapters.notifications.notifier import (
    ChannelNotifier,
    ChannelSender,
    open_notifier,
)
from service.certificates import tls_of
from service.domain.hook import Secret
from service.errors import PermanentError
from service.logs import configure
from service.ports.identity import Identities, NoIdentityProvider, NoSignInProvider
from service.ports.time import Clock
from service.settings import Settings, passed_to_builds

__all__ = [
    "api_token",
    "make_data_folder",
    "open_identity",
    "open_notifications",
    "run",
    "until_stopped",
]

log = structlog.get_logger(__name__)

_NEW_OBJECTS: Final = 10_000
"""How many more there are before the collector looks for rings among them."""


def run(
    role: Coroutine[None, None, None],
    settings: Settings,
    *,
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    """Run a role to its end, on a loop of its choice."""
    configure(settings.log, secrets=settings.secrets())
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(role)


async def until_stopped(
    loops: Sequence[Loop], *, clock: Clock, on_start: Callable[[], None]
) -> None:
    """Keep loops going until the process is asked to stop (SIGINT or SIGTERM)."""
    stop = asyncio.Event()
    # A handler of the loop and no exception: KeyboardInterrupt in the middle of a
    # transaction would end it at any statement.
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(supervise(loop, clock=clock)) for loop in loops]
        # What is there from the start stays: the collector need not check it.
        # Modules and wiring never die: frozen, they are not walked by the full
        # collections that hold every answer up while they last.
        gc.freeze()
        # Under load a collection after each 700 objects walks what has not ended yet, a
        # hundred requests, and finds nothing: requests leave no rings behind.
        gc.set_threshold(_NEW_OBJECTS)
        gc.enable()
        on_start()
        await stop.wait()
        # Cancelled all at once: loops have no order among themselves, and each leaves
        # claims and leases to their `finally`.
        for task in tasks:
            task.cancel()
    log.info("stopping")


def make_data_folder(settings: Settings) -> None:
    """Make the data folder, for the owner's eyes only.

    Raises:
        PermanentError: It cannot be made, or nothing can be written there.
    """
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=settings.data):
            pass
    except OSError as exc:
        raise PermanentError(
            f"the data folder {settings.data} cannot be used: {exc.strerror}; choose "
            "another with --data or RELAUNCH_DATA"
        ) from exc


def api_token(settings: Settings) -> Secret:
    """Return the token of the REST API; make one in the data folder at first."""
    return settings.api_token() or _new_token(settings.data / "token")


def _new_token(path: Path) -> Secret:
    """Whoever links first wins, so that processes over one folder agree."""
    # Written under another name and linked: whoever opens `token` never reads half of
    # it, and the mode is right from the first byte.
    draft = path.with_name(f".token.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
    return Secret(path.read_text().strip())


@asynccontextmanager
async def open_identity(
    settings: Settings, *, clock: Clock
) -> AsyncIterator[Identities]:
    """Open the client of the provider, and close it after the block.

    It is not asked before the first token comes, so that its outage keeps no process
    from starting.
    """
    auth = settings.auth
    if auth.issuer is None:
        yield Identities(tokens=NoIdentityProvider(), sign_in=NoSignInProvider())
        return
    # Only who has a provider pays for the library of its tokens.
    from service.adapters.oidc.opening import open_oidc  # noqa: PLC0415
    from service.adapters.oidc.provider import OidcOptions  # noqa: PLC0415
    from service.adapters.oidc.sign_in import OidcClient  # noqa: PLC0415

    options = OidcOptions(
        issuer=auth.issuer,
        audiences=auth.audience,
        algorithms=auth.algorithms,
        skew=auth.skew,
        admin_claim=auth.admin_claim,
        admin_role=auth.admin_role,
        admins=frozenset(auth.admins),
    )
    secret = auth.client_secret
    client = auth.client_id and OidcClient(
        id=auth.client_id,
        secret=None if secret is None else Secret(secret.get_secret_value()),
        scopes=auth.scopes,
        name=auth.provider_label,
    )
    async with open_oidc(
        options,
        clock=clock,
        environment=passed_to_builds(settings),
        kept=auth.keys_kept,
        pause=auth.keys_pause,
        client=client or None,
    ) as identities:
        yield identities


def open_notifications(
    settings: Settings, *, clock: Clock
) -> AbstractAsyncContextManager[ChannelNotifier]:
    """Open webhooks, and mail where a server is set."""
    # What builds get as well: proxies and authorities, none of our credentials.
    environment = passed_to_builds(settings)
    return open_notifier(
        gate=EgressPolicy(settings.private_hosts),
        environment=environment,
        clock=clock,
        mail=_mail(settings, environment),
    )


def _mail(settings: Settings, environment: Mapping[str, str]) -> ChannelSender | None:
    mail = settings.mail
    if mail.host is None:
        return None
    # Only who sends mail pays for its library.
    from service.adapters.notifications.mail import MailSender  # noqa: PLC0415

    account = None
    if mail.username is not None and mail.password is not None:
        account = (mail.username, Secret(mail.password.get_secret_value()))
    tls = tls_of(environment)
    return MailSender(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        sender=mail.sender or "",
        account=account,
        tls=tls if isinstance(tls, ssl.SSLContext) else ssl.create_default_context(),
    )
