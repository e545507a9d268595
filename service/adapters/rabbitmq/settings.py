"""Where the broker is and how it is to be used."""

import re
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from yarl import URL

from service.errors import PermanentError

__all__ = ["Broker"]

HEARTBEAT: Final = timedelta(seconds=10)
"""A connection that died silently is noticed after three of these and a little."""

CONNECT_WITHIN: Final = timedelta(seconds=5)
"""For one host; then the next one is tried."""

CONFIRM_WITHIN: Final = timedelta(seconds=3)
"""Well below the ten seconds that forges wait for an answer."""

COUNT_WITHIN: Final = timedelta(seconds=10)
"""For counting messages, which nobody's delivery waits for: two questions for each role
on a connection that publishes, which under load take longer than a confirmation."""

SILENCE: Final = timedelta(seconds=20)
"""A consumer that gets nothing for so long consumes anew, as the broker may have lost
it: five commands, beside which a person does not notice the wait."""

DELIVERY_LIMIT: Final = 20
"""What RabbitMQ 4 does by itself: a message that killed its consumer this often, and
once more, is dead. Neighbours in the prefetch of a dying consumer count too, so a small
number would bury the innocent."""

DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (1, 5, 15, 60, 300, 900, 3600)
)
"""How long messages may wait for a retry; each is one queue, shared by all roles."""

PORTS: Final = {"amqp": 5672, "amqps": 5671}

ADDRESS: Final = re.compile(
    r"(?P<scheme>amqps?)://(?:(?P<user>[^@/]*)@)?(?P<hosts>[^@/?#]+)"
    r"(?P<vhost>/[^?#]*)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker and the manners towards it."""

    url: str = field(repr=False)
    """`amqp[s]://user:password@host[:port][,host[:port]…][/vhost]`, hosts in turn."""
    name: str = "relaunch"
    """How our connections are called in the broker's own lists."""
    prefix: str = "relaunch"
    """What the names of exchanges and queues begin with."""
    declare: bool = True
    """False when an operator makes exchanges and queues; they are checked then."""
    ca_file: Path | None = None
    """Who may vouch for the broker, beside nobody else; the system's list if None."""
    certificate_file: Path | None = None
    key_file: Path | None = None
    heartbeat: timedelta = HEARTBEAT
    connect_within: timedelta = CONNECT_WITHIN
    confirm_within: timedelta = CONFIRM_WITHIN
    silence: timedelta = SILENCE
    delivery_limit: int = DELIVERY_LIMIT
    delays: tuple[timedelta, ...] = DELAYS

    def addresses(self) -> tuple[URL, ...]:
        """Return one address per host.

        Raises:
            PermanentError: The URL is not as `url` requires; its secrets are not shown.
        """
        match = ADDRESS.fullmatch(self.url)
        if match is None:
            raise PermanentError(
                "the address of the broker cannot be read; expected "
                "amqp[s]://user:password@host[:port][,host…][/vhost]"
            )
        user = f"{match['user']}@" if match["user"] else "guest:guest@"
        end = match["vhost"] or "/"
        try:
            return tuple(
                self._address(URL(f"{match['scheme']}://{user}{host}{end}"))
                for host in match["hosts"].split(",")
            )
        except ValueError as exc:
            # Its message would hold what it could not read, passwords included.
            raise PermanentError(
                "a host or port in the address of the broker is not valid"
            ) from exc.__cause__

    def _address(self, url: URL) -> URL:
        return url.with_port(url.port or PORTS[url.scheme]).update_query(
            heartbeat=max(1, round(self.heartbeat.total_seconds())), name=self.name
        )

    def tls(self) -> ssl.SSLContext | None:
        """Return how to check the broker and to prove ourselves; None over amqp.

        Raises:
            PermanentError: A file is missing or holds no certificate or key.
        """
        if not self.url.startswith("amqps:"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate_file is not None:
                context.load_cert_chain(self.certificate_file, self.key_file)
        except OSError as exc:
            raise PermanentError(
                f"the broker's TLS files cannot be used: {exc}"
            ) from exc
        return context
