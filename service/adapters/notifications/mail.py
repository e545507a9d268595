"""Notifications by mail, over SMTP: https://www.rfc-editor.org/rfc/rfc5321."""

import json
import ssl
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

import aiosmtplib

from service.domain.hook import Secret
from service.domain.notifications.channel import Channel
from service.domain.notifications.notification import Notification
from service.errors import PermanentError, TransientError

__all__ = ["MailSender"]

DEADLINE: Final = timedelta(seconds=30)
_PERMANENT: Final = 500
"""From here on trying again will not help:
https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1"""


class MailSender:
    """Hands mail to one server.

    Args:
        host: The server.
        port: Its port.
        security: `tls` from the first byte, `starttls` before any command, `none`.
        sender: The address that mail comes from.
        account: User name and password; None where the server asks for none.
        tls: What this process trusts.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: str,
        sender: str,
        account: tuple[str, Secret] | None,
        tls: ssl.SSLContext,
    ) -> None:
        self._host = host
        self._port = port
        self._security = security
        self._sender = sender
        self._account = account
        self._tls = tls

    async def send(self, channel: Channel, notification: Notification) -> None:
        """Hand one mail over.

        Raises:
            PermanentError: The server refused it for good.
            TransientError: It did not take it now.
        """
        message = self._message(channel, notification)
        username, password = self._account or (None, None)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=username,
                password=None if password is None else password.reveal(),
                use_tls=self._security == "tls",
                # Never "if the server offers it": whoever sits between could hide the
                # offer and read the password.
                start_tls=self._security == "starttls",
                tls_context=None if self._security == "none" else self._tls,
                timeout=DEADLINE.total_seconds(),
            )
        except aiosmtplib.SMTPResponseException as exc:
            text = f"the mail server answered {exc.code}: {exc.message[:200]}"
            raise _error(exc.code)(text) from exc
        except aiosmtplib.SMTPRecipientsRefused as exc:
            first = exc.recipients[0]
            text = f"the mail server refused the address: {first.code}"
            raise _error(first.code)(text) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise TransientError(f"no mail to {self._host}: {exc}") from exc

    def _message(self, channel: Channel, notification: Notification) -> EmailMessage:
        # The policy refuses line breaks in headers, which would begin headers of a
        # stranger's; names of repositories and messages of commits get here.
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = channel.target
        message["Subject"] = " ".join(notification.subject.split())[:200]
        message["Message-ID"] = f"<{notification.id}@{self._sender.rpartition('@')[2]}>"
        message["Date"] = notification.created_at
        # So that no holiday reply comes: https://www.rfc-editor.org/rfc/rfc3834#section-5
        message["Auto-Submitted"] = "auto-generated"
        details = json.dumps(
            json.loads(notification.data), indent=2, ensure_ascii=False
        )
        message.set_content(
            f"{notification.subject}\n\n{details}\n\n-- \nrelaunch sends this because "
            f"project {channel.project} has the notification channel {channel.id}.\n"
        )
        return message


def _error(code: int) -> type[PermanentError | TransientError]:
    return PermanentError if code >= _PERMANENT else TransientError
