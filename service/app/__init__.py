"""The composition root: the only place that knows which edition runs.

    dev       one process: HTTP side, consumers, builder; SQLite and a table as the bus
    receive   the HTTP side, or its webhooks alone; any number of processes
    api       the REST API alone, any number of processes
    consume   the bus side, any number of processes; one of them leads

What is not chosen by the role is chosen by the settings: `RELAUNCH_BUS`,
`RELAUNCH_DATABASE`. Each role imports only what it needs.
"""

import gc
import sys
from collections.abc import Callable

from service.app.roles.ready import ReadyRole
from service.settings import Settings

__all__ = ["ReadyRole", "run_api", "run_consume", "run_dev", "run_receive"]

Greet = Callable[[ReadyRole], None]


def run_dev(settings: Settings, *, on_ready: Greet) -> None:
    """Run the whole service in this process, until SIGINT or SIGTERM.

    Raises:
        PermanentError: It cannot start: the port is taken, the data folder is in use…
        TransientError: The database or the broker does not answer.
    """
    _begin()
    from service.app import process  # noqa: PLC0415
    from service.app.roles import dev  # noqa: PLC0415

    process.run(dev.dev(settings, on_ready), settings)


def run_receive(
    settings: Settings, *, on_ready: Greet, webhooks_only: bool = False
) -> None:
    """Run the HTTP side until SIGINT or SIGTERM; raises as `run_dev`.

    Args:
        settings: The settings.
        on_ready: Called once it answers.
        webhooks_only: Whether the REST API is left to `run_api`.
    """
    _begin()
    import uvloop  # noqa: PLC0415

    from service.app import process  # noqa: PLC0415
    from service.app.roles import receive  # noqa: PLC0415

    run = receive.receive_webhooks if webhooks_only else receive.receive
    process.run(run(settings, on_ready), settings, new_loop=uvloop.new_event_loop)


def run_api(settings: Settings, *, on_ready: Greet) -> None:
    """Run the REST API until SIGINT or SIGTERM; raises as `run_dev`."""
    _begin()
    import uvloop  # noqa: PLC0415

    from service.app import process  # noqa: PLC0415
    from service.app.roles import receive  # noqa: PLC0415

    role = receive.serve_api(settings, on_ready)
    process.run(role, settings, new_loop=uvloop.new_event_loop)


def run_consume(settings: Settings, *, on_ready: Greet) -> None:
    """Run the bus side until SIGINT or SIGTERM; raises as `run_dev`."""
    _begin()
    from service.app import process  # noqa: PLC0415
    from service.app.roles import consume  # noqa: PLC0415

    process.run(consume.consume(settings, on_ready), settings)


def _begin() -> None:
    """Let the collector rest while a process starts, which takes a fifth less then.

    What is imported stays, and it would look through all of it again and again. It
    works from the moment the process is ready (`process.until_stopped`).
    """
    gc.disable()
    _import_structlog_alone()


def _import_structlog_alone() -> None:
    """Import structlog without rich: 70 modules and 5 MB in every process.

    It takes rich for tracebacks wherever that is installed, as it is here for the
    command line; ours are plain text or JSON (`service.logs`).
    https://www.structlog.org/en/stable/console-output.html
    """
    if "rich" in sys.modules:
        return
    # What the import statement takes for absent.
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401, PLC0415
    finally:
        del sys.modules["rich"]
