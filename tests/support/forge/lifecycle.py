"""What becomes of a repository, told to the hooks that want to know.

Only GitHub tells; a repository's own hook is never told of its deletion.
https://docs.github.com/en/webhooks/webhook-events-and-payloads#repository
"""

from typing import TYPE_CHECKING, Any

from tests.support.forge import github_payloads, github_shapes, pushes
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


def tell(
    forge: "Forge",
    repo: HostedRepo,
    action: str,
    changes: dict[str, Any] | None = None,
) -> None:
    """Send the `repository` event, where the vendor has one."""
    if forge.vendor == "github":
        payload = github_payloads.lifecycle(forge, repo, action, changes)
        pushes.tell(forge, repo, "repository", payload, action=action)


def tell_transferred(forge: "Forge", repo: HostedRepo, old_owner: str) -> None:
    """Send the `repository` event of another owner."""
    old = github_shapes.user(forge, old_owner)
    tell(forge, repo, "transferred", {"owner": {"from": {"user": old}}})
