"""Whoever signs is told before the first build whether that will work."""

from pathlib import Path
from typing import Any

import pytest

from service.app.doctor.wiring import examine
from service.domain.diagnosis import CheckResult, CheckStatus
from service.settings import Settings
from tests.support.cosign import KeyPair
from tests.support.own_registry import own_registry

PASSWORD = "a long pass phrase"
KEY = KeyPair.new().encrypted(PASSWORD)


async def told_by(folder: Path, host: str, **signing: Any) -> list[CheckResult]:
    """Look at everything, with no cluster to look at."""
    settings = Settings(
        builder="kubernetes",
        data=folder / "data",
        public_url="https://relaunch.example.org",
        kubernetes={
            "kubeconfig": folder / "none",
            "builder_image": f"{host}/builder:1",
            "run_image": f"{host}/run:1",
            "target": f"{host}/images",
            "private_target": f"{host}/private",
            "insecure_registries": [host],
        },
        signing=signing,
    )
    return [
        result for result in await examine(settings) if result.subject == "signatures"
    ]


@pytest.mark.parametrize(
    ("password", "status", "words"),
    [
        ("word", CheckStatus.OK, "may be pushed to"),
        ("wrong", CheckStatus.FAILED, "401"),
    ],
)
async def test_signatures_have_to_be_let_in_below_both_prefixes(
    tmp_path: Path, password: str, status: CheckStatus, words: str
) -> None:
    with own_registry(tmp_path, has_users=True) as registry:
        found = await told_by(
            tmp_path,
            registry.host,
            key=KEY,
            password=PASSWORD,
            registry_config=registry.config(password),
        )

    assert [result.status for result in found] == [status, status]
    for line, prefix in zip(found, ["images", "private"], strict=True):
        assert words in line.seen
        assert f"{registry.host}/{prefix}" in line.seen
        assert (line.advice == "") is (status is CheckStatus.OK)


async def test_a_key_that_its_password_does_not_open_is_told(tmp_path: Path) -> None:
    (found,) = await told_by(tmp_path, "127.0.0.1:1", key=KEY, password="another")

    assert found.status is CheckStatus.FAILED
    assert "password does not open" in found.seen


async def test_who_signs_nothing_is_told_nothing(tmp_path: Path) -> None:
    assert await told_by(tmp_path, "127.0.0.1:1") == []
