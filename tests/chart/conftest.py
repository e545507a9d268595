"""Helm, for the tests of the chart."""

import pytest

from tests.chart.rendering import Helm, find_helm


@pytest.fixture(scope="session")
def helm() -> Helm:
    return find_helm()
