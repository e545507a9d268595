"""The values and the steps of `docs/install.md` are ones that the chart takes."""

import re
from typing import Final

import pytest
from ruamel.yaml import YAML

from scripts.docs import ROOT
from tests.chart.matrix import MATRIX
from tests.chart.rendering import Helm, named
from tests.chart.strict import expect_valid
from tests.docs.reading import Page

PAGE: Final = Page("docs/install.md")


@pytest.mark.helm
def test_the_values_of_the_page_are_installed(helm: Helm) -> None:
    objects = helm.objects(YAML(typ="safe").load(PAGE.block("settings:")))

    for item in objects:
        expect_valid(item)
    assert named(objects, "Ingress", "relaunch")


@pytest.mark.helm
def test_the_values_for_trying_out_are_installed(helm: Helm) -> None:
    given = YAML(typ="safe").load(PAGE.block("bundle:"))
    # The page's earlier values name Secrets, which somebody who tries has not.
    objects = helm.objects({"secrets": MATRIX["bundle"]["secrets"]}, given)

    for item in objects:
        expect_valid(item)
    assert named(objects, "StatefulSet", "relaunch-postgresql")
    assert named(objects, "Secret", "relaunch-generated")


def test_the_secret_of_the_page_has_the_keys_that_its_values_read() -> None:
    made = set(re.findall(r"--from-literal=([a-z-]+)=", PAGE.text))
    given = YAML(typ="safe").load(PAGE.block("settings:"))["secrets"]
    defaults = YAML(typ="safe").load(ROOT / "charts" / "relaunch" / "values.yaml")

    assert {defaults["secrets"][name]["key"] for name in given} == made
