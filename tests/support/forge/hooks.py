"""The hooks that the forge knows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from service.ports.time import Clock

BACK_OFF: Final = 4
"""Failures in a row after which GitLab disables a hook for a while."""
GIVE_UP: Final = 40
"""Failures in a row after which GitLab disables a hook for good."""


@dataclass(slots=True, kw_only=True, eq=False)
class Hook:
    """One hook: of a repository, or of all repositories of an owner."""

    id: int
    url: str
    created_at: datetime
    updated_at: datetime
    repository: int | None = None
    """The repository's number; None for a hook of an owner."""
    owner: str | None = None
    events: list[str] = field(default_factory=lambda: ["push"])
    """GitHub's names, or GitLab's flags (`push_events`)."""
    secret: str = ""
    """HMAC key at GitHub and Gitea, `X-Gitlab-Token` at GitLab."""
    signing_token: str = ""
    """GitLab's `whsec_…`."""
    content_type: str = "json"
    insecure_ssl: str = "0"
    is_active: bool = True
    branch_filter: str = ""
    """The one branch (or pattern) whose pushes are told (GitLab)."""
    custom_headers: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    description: str | None = None
    last_status: int | None = None
    """The answer to the last delivery; 0 when there was none."""
    failures: int = 0
    """In a row."""
    disabled_until: datetime | None = None
    is_disabled: bool = False
    """For good, until somebody tests it or changes its URL (GitLab)."""

    def serves(self, number: int, owner: str) -> bool:
        return self.repository == number or self.owner == owner

    def is_asleep(self, now: datetime) -> bool:
        until = self.disabled_until
        return self.is_disabled or (until is not None and now < until)

    def alert_status(self, now: datetime) -> str:
        """Say in GitLab's words whether it is called."""
        if self.is_disabled:
            return "disabled"
        return "temporarily_disabled" if self.is_asleep(now) else "executable"

    def succeed(self) -> None:
        self.failures, self.disabled_until, self.is_disabled = 0, None, False

    def fail(self, now: datetime) -> None:
        """Count a failure, as GitLab does.

        https://docs.gitlab.com/user/project/integrations/webhooks/#auto-disabled-webhooks
        """
        self.failures += 1
        if self.failures >= GIVE_UP:
            self.is_disabled = True
        elif self.failures >= BACK_OFF:
            length = timedelta(minutes=2 ** min(self.failures - BACK_OFF, 11))
            self.disabled_until = now + min(length, timedelta(days=1))


class HookShelf:
    """All hooks of the forge, in the order in which they were made."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._hooks: dict[int, Hook] = {}
        self._next = 101

    def __iter__(self) -> Iterator[Hook]:
        return iter(list(self._hooks.values()))

    def __len__(self) -> int:
        return len(self._hooks)

    def __getitem__(self, index: int) -> Hook:
        return list(self._hooks.values())[index]

    def add(
        self,
        url: str,
        *,
        repository: int | None = None,
        owner: str | None = None,
        secret: str = "",
        signing_token: str = "",
        events: list[str] | None = None,
    ) -> Hook:
        """Make a hook as its owner does on the forge's pages.

        Args:
            url: Where deliveries go.
            repository: The number of the repository whose hook it is.
            owner: Instead: the organisation or group whose hook it is.
            secret: GitHub's and Gitea's secret, GitLab's secret token.
            signing_token: GitLab's signing token.
            events: Pushes (and GitLab's tag pushes) unless given.
        """
        now = self._clock.now()
        hook = Hook(
            id=self._next,
            url=url,
            repository=repository,
            owner=owner,
            secret=secret,
            signing_token=signing_token,
            events=events or ["push", "push_events", "tag_push_events"],
            created_at=now,
            updated_at=now,
        )
        self._next += 1
        self._hooks[hook.id] = hook
        return hook

    def find(self, number: int) -> Hook | None:
        return self._hooks.get(number)

    def remove(self, hook: Hook) -> None:
        self._hooks.pop(hook.id, None)

    def forget(self, repository: int) -> None:
        for hook in self.of(repository):
            self.remove(hook)

    def of(self, repository: int) -> list[Hook]:
        """Return a repository's own hooks."""
        return [hook for hook in self if hook.repository == repository]

    def serving(self, repository: int, owner: str) -> list[Hook]:
        """Return whom a repository's events are told, its owner's hooks too."""
        return [hook for hook in self if hook.serves(repository, owner)]
