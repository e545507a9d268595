"""The values and the steps of `docs/install.md` are ones that the chart takes."""

import re
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from scripts.docs import ROOT
from tests.chart.matrix import MATRIX
from tests.chart.rendering import Helm, named
from tests.chart.strict import expect_valid

PAGE: Final = (ROOT / "docs" / "install.md").read_text()


def block(before: str) -> str:
    """Return the indented block that follows a line that holds a text."""
    _, _, rest = PAGE.partition(before)
    found = re.search(r"\n\n((?:    .*\n|\n)+)", rest)
    assert found, before
    return re.sub(r"^    ", "", found[1], flags=re.MULTILINE)


def values(before: str) -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load(block(before))
    return read


@pytest.mark.helm
def test_the_values_of_the_page_are_installed(helm: Helm) -> None:
    objects = helm.objects(values("Save this as `values.yaml`"))

    for item in objects:
        expect_valid(item)
    assert named(objects, "Ingress", "relaunch")


@pytest.mark.helm
def test_the_values_for_trying_out_are_installed(helm: Helm) -> None:
    given = values("`bundle` starts one pod")
    # The page's earlier values name Secrets, which somebody who tries has not.
    objects = helm.objects({"secrets": MATRIX["bundle"]["secrets"]}, given)

    for item in objects:
        expect_valid(item)
    assert named(objects, "StatefulSet", "relaunch-postgresql")
    assert named(objects, "Secret", "relaunch-generated")


def test_the_secret_of_the_page_has_the_keys_that_its_values_read() -> None:
    made = set(re.findall(r"--from-literal=([a-z-]+)=", PAGE))
    given = values("Save this as `values.yaml`")["secrets"]
    defaults = YAML(typ="safe").load(ROOT / "charts" / "relaunch" / "values.yaml")

    assert {defaults["secrets"][name]["key"] for name in given} == made
