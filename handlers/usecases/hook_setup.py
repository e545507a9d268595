"""What a person does at a forge's page: where to go, what to paste, what to tick."""

import shlex
from urllib.parse import unquote, urlsplit

from service.domain.hook import Hook
from service.domain.repository import LOCAL_HOST
from service.forges.registry import FORGES

__all__ = ["managed_steps", "setup_steps"]


def setup_steps(hook: Hook, url: str) -> list[str]:
    """Describe how to make the hook, or how to give it its new secret."""
    guide = FORGES[hook.forge].setup
    field = guide.secret_fields[hook.proof]
    if hook.rotated_at is not None:
        return [
            f"Open the webhook of {_name(hook)} at the forge.",
            f"Replace its {field} by the new secret and save.",
            "Once a delivery came through, retire the older secret here.",
        ]
    if hook.repository.host == LOCAL_HOST:
        folder = shlex.quote(unquote(urlsplit(hook.repository.url).path))
        return [
            "No forge tells of what is pushed to a folder of this machine; tell it:",
            "export WEBHOOK_SECRET=SECRET, and after each push",
            f"relaunch push --repo {folder} --to {url}",
        ]
    page = guide.pages[hook.reach].format(path=hook.repository.path)
    lines = [
        f"On {hook.repository.host}, open {page}.",
        f"Paste {url} as the {guide.url_field}.",
        f"Paste the secret as the {field}; it is not shown again.",
        *guide.notes,
    ]
    if note := guide.proof_notes.get(hook.proof):
        lines.append(note)
    ticks = " and ".join(guide.events)
    return [*lines, f"Choose {ticks} and save."]


def managed_steps(hook: Hook) -> list[str]:
    """Return the steps when nothing is left to do."""
    if hook.rotated_at is not None:
        return [
            f"The webhook of {_name(hook)} has the new secret at the forge.",
            "Once a delivery came through, retire the older secret here.",
        ]
    return [f"The webhook of {_name(hook)} was made at the forge; nothing to paste."]


def _name(hook: Hook) -> str:
    return hook.repository.path or hook.repository.host
