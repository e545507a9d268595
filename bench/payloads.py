"""Pushes as GitHub writes them: 8 kB, most of it links that nobody reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from service.domain.delivery import Forge
from service.domain.hook import Proof, Secret
from service.domain.repository import Ref, Repository
from service.forges.outgoing import sign_body, sign_push
from service.forges.push_facts import CommitFacts, PushFacts

__all__ = ["BYTES", "MOMENT", "Request", "requests"]

BYTES: Final = 8192
COMMITS: Final = 3
"""Pushes that differ; GitHub signs the body alone, so each may be sent often."""
MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When they happened: GitHub's proof has no time."""
_LINKS: Final = [
    "archive",
    "assignees",
    "blobs",
    "branches",
    "collaborators",
    "comments",
    "commits",
    "compare",
    "contents",
    "contributors",
    "deployments",
    "downloads",
    "events",
    "forks",
    "git_commits",
    "git_refs",
    "git_tags",
    "git",
    "hooks",
    "issue_comment",
    "issue_events",
    "issues",
    "keys",
    "labels",
    "languages",
    "merges",
    "milestones",
    "notifications",
    "pulls",
    "releases",
    "ssh",
    "stargazers",
    "statuses",
    "subscribers",
    "subscription",
    "svn",
    "tags",
    "teams",
    "trees",
]
_PERSON_LINKS: Final = [
    "avatar",
    "followers",
    "following",
    "gists",
    "starred",
    "subscriptions",
    "organizations",
    "repos",
    "events",
    "received_events",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A signed request; only its delivery id is new each time it is sent."""

    path: str
    headers: dict[str, str]
    body: str


def requests(
    path: str, repository: Repository, ref: str, secret: Secret
) -> Sequence[Request]:
    """Return pushes of one ref to several commits, signed by a hook's secret."""
    return [
        _request(path, repository, Ref(ref), secret, commit=f"{number:040x}")
        for number in range(1, COMMITS + 1)
    ]


def _request(
    path: str, repository: Repository, ref: Ref, secret: Secret, *, commit: str
) -> Request:
    facts = _facts(repository, ref, commit)
    name = "00000000-0000-4000-8000-000000000000"
    headers, body = sign_push(
        Forge.GITHUB, Proof.HMAC, secret, facts, delivery_id=name, now=MOMENT
    )
    full = _padded(json.loads(body), repository)
    signed = sign_body(
        Forge.GITHUB, Proof.HMAC, secret, full, delivery_id=name, now=MOMENT
    )
    extra = {
        "Accept": "*/*",
        "X-GitHub-Hook-ID": "292430182",
        "X-GitHub-Hook-Installation-Target-ID": str(repository.number),
        "X-GitHub-Hook-Installation-Target-Type": "repository",
    }
    return Request(path=path, headers=headers | signed | extra, body=full.decode())


def _facts(repository: Repository, ref: Ref, commit: str) -> PushFacts:
    head = CommitFacts(
        id=commit,
        tree=commit[::-1],
        message="Add numpy",
        at=MOMENT,
        author_name="Ada",
        author_email="ada@example.org",
        modified=("requirements.txt",),
    )
    return PushFacts(
        repository=repository,
        ref=ref,
        before="f" * 40,
        after=commit,
        head=head,
        commits=(head,),
    )


def _padded(payload: dict[str, dict[str, object]], repository: Repository) -> bytes:
    """Add what GitHub adds, and fill up to the size."""
    api = f"https://api.github.com/repos/{repository.path}"
    links = {f"{link}_url": f"{api}/{link}{{/sha}}" for link in _LINKS}
    payload["repository"] |= links | {
        f"{name}_count": 0 for name in ("forks", "watchers")
    }
    person = {
        f"{link}_url": f"https://api.github.com/users/ada/{link}"
        for link in _PERSON_LINKS
    }
    payload["sender"] |= person | {"id": 1, "site_admin": False}
    payload["repository"]["description"] = ""
    missing = BYTES - len(_compact(payload))
    payload["repository"]["description"] = "x" * missing
    return _compact(payload)


def _compact(payload: object) -> bytes:
    """Write JSON as forges send it."""
    return json.dumps(payload, separators=(",", ":")).encode()
