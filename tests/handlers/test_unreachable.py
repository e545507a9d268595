"""What a person is told whose service no forge can reach."""

import pytest

from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof, Reach, Secret, parse_binding
from service.usecases.hook_maintenance import advise_url
from tests.support.clock import NOW


def told(public_url: str, repository: str) -> tuple[str, ...]:
    hook = Hook(
        id=HookId("01J5M3Z0000000000000000000"),
        forge=Forge.GITHUB,
        proof=Proof.HMAC,
        repository=parse_binding(repository, Reach.REPOSITORY),
        secrets=(Secret("x"),),
        created_at=NOW,
    )
    return advise_url(hook, f"{public_url}/webhooks/github/{hook.id}")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
        "http://192.168.1.5",
        "http://10.0.0.7:8080",
        "http://100.64.0.1",
        "http://build-box:8080",
        "http://box.local",
    ],
)
def test_a_public_forge_cannot_reach_it_and_what_works_is_named(url: str) -> None:
    why, sweep, forward, tunnel = told(url, "https://github.com/me/course")

    assert "RELAUNCH_PUBLIC_URL" in why
    assert "sweep" in sweep
    assert "relaunch hook forward CHANNEL_URL --hook 01J5M3Z000" in forward
    assert f"cloudflared tunnel --url {url}" in tunnel


@pytest.mark.parametrize(
    ("url", "repository"),
    [
        ("https://relaunch.example.org", "https://github.com/me/course"),
        ("http://192.168.1.5", "https://git.intranet.example/me/course"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:3000/me/course"),
        ("http://127.0.0.1:8080", "file:///srv/course.git"),
    ],
)
def test_where_nothing_speaks_against_it_nothing_is_said(
    url: str, repository: str
) -> None:
    assert told(url, repository) == ()
