"""Headers of deliveries, with the vendors' proofs; written from their documents alone.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
https://docs.gitlab.com/user/project/integrations/webhooks/
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.support.forge.hooks import Hook

if TYPE_CHECKING:
    from tests.support.forge.deliveries import Delivery

FORM = "application/x-www-form-urlencoded"


def request(
    vendor: str, hook: Hook, delivery: "Delivery", now: datetime
) -> tuple[Mapping[str, str], bytes]:
    """Return headers and body of what is sent."""
    if vendor == "gitlab":
        return _gitlab(hook, delivery, now), delivery.body
    is_form = hook.content_type == "form"
    body = urlencode({"payload": delivery.body}).encode() if is_form else delivery.body
    kind = {"Content-Type": FORM if is_form else "application/json"}
    headers = kind | _github(hook, delivery, body)
    if vendor == "gitea":
        # Gitea signs the JSON, whatever it sends.
        headers |= _gitea(hook, delivery)
    return headers, body


def _github(hook: Hook, delivery: "Delivery", body: bytes) -> dict[str, str]:
    target = hook.repository or int.from_bytes((hook.owner or "").encode()[:3])
    headers = {
        "Accept": "*/*",
        "User-Agent": "GitHub-Hookshot/0123abc",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(target),
        "X-GitHub-Hook-Installation-Target-Type": (
            "repository" if hook.repository else "organization"
        ),
    }
    if hook.secret:
        headers["X-Hub-Signature"] = "sha1=" + _hmac(hook.secret, body, "sha1")
        headers["X-Hub-Signature-256"] = "sha256=" + _hmac(hook.secret, body, "sha256")
    return headers


def _gitea(hook: Hook, delivery: "Delivery") -> dict[str, str]:
    mac = _hmac(hook.secret, delivery.body, "sha256") if hook.secret else ""
    sha1 = _hmac(hook.secret, delivery.body, "sha1") if hook.secret else ""
    own = {
        f"X-{name}-{key}": value
        for name in ("Gitea", "Gogs")
        for key, value in {
            "Delivery": delivery.guid,
            "Event": delivery.event,
            "Event-Type": delivery.event,
            "Signature": mac,
        }.items()
    }
    return own | {
        "User-Agent": "Go-http-client/1.1",
        "X-GitHub-Event-Type": delivery.event,
        "X-Hub-Signature": f"sha1={sha1}",
        "X-Hub-Signature-256": f"sha256={mac}",
    }


def _gitlab(hook: Hook, delivery: "Delivery", now: datetime) -> dict[str, str]:
    seconds = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitLab/19.1.0",
        "Idempotency-Key": delivery.guid,
        "X-Gitlab-Event": delivery.event,
        "X-Gitlab-Webhook-UUID": str(uuid.uuid4()),
        "X-Gitlab-Event-UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, delivery.guid)),
        "webhook-id": delivery.guid,
        "webhook-timestamp": seconds,
        **hook.custom_headers,
    }
    if hook.secret:
        headers["X-Gitlab-Token"] = hook.secret
    if hook.signing_token:
        key = base64.b64decode(hook.signing_token.removeprefix("whsec_"))
        message = b".".join((delivery.guid.encode(), seconds.encode(), delivery.body))
        made = hmac.new(key, message, hashlib.sha256).digest()
        headers["webhook-signature"] = "v1," + base64.b64encode(made).decode()
    return headers


def _hmac(secret: str, body: bytes, algorithm: str) -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()
