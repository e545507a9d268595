"""The commands of `docs/clusters.md`: another cluster is checked by its kubeconfig."""

from pathlib import Path
from typing import Final

import pytest

from service.settings import load
from tests.docs.reading import Page
from tests.docs.shell import run
from tests.support.kube import Kube
from tests.support.kube_cluster import build_settings

PAGE: Final = Page("docs/clusters.md")


@pytest.mark.kubernetes
async def test_the_other_cluster_is_the_one_of_the_kubeconfig(
    kube: Kube, tmp_path: Path
) -> None:
    (tmp_path / "consumer.kubeconfig").write_bytes(kube.kubeconfig.read_bytes())
    here = {**build_settings(kube), "RELAUNCH_DATA": str(tmp_path / "data")}

    said = await run(PAGE.block("RELAUNCH_KUBERNETES_KUBECONFIG="), tmp_path, **here)

    assert " 0 failed" in said
    assert kube.namespace in said


def test_the_prefix_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, value = PAGE.block("RELAUNCH_AMQP_PREFIX=").partition("=")
    monkeypatch.setenv(name, value)

    assert load().amqp.prefix == value
