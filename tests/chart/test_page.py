"""Ingress and HTTPRoute lead to the page, and to nothing beside it."""

from typing import Any

import pytest

from handlers.page.routes import PAGES
from handlers.routes import ROUTES
from tests.chart.matrix import MATRIX
from tests.chart.rendering import Helm, named

pytestmark = pytest.mark.helm

INSIDE = ("/healthz", "/livez", "/readyz", "/metrics", "/nothing")


Rule = tuple[bool, str, str]
"""Whether a path has to be the same, the path, and the Service that it leads to."""


def backend(rules: list[Rule], path: str) -> str:
    """Return the Service that a path leads to, by the rules of the two kinds.

    https://kubernetes.io/docs/concepts/services-networking/ingress/#path-types: a
    prefix ends where a part of the path does.
    """
    for is_exact, rule, service in rules:
        if path == rule or (not is_exact and path.startswith(f"{rule}/")):
            return service
    return ""


def rules_of(helm: Helm, values: Any) -> list[Rule]:
    objects = helm.objects(values)
    if "ingress" in values:
        return _by_ingress(named(objects, "Ingress", "relaunch"))
    return _by_route(named(objects, "HTTPRoute", "relaunch"))


def _by_ingress(item: Any) -> list[Rule]:
    (rule,) = item["spec"]["rules"]
    return [
        (
            each["pathType"] == "Exact",
            each["path"],
            each["backend"]["service"]["name"],
        )
        for each in rule["http"]["paths"]
    ]


def _by_route(item: Any) -> list[Rule]:
    rules = item["spec"]["rules"]
    assert all(len(rule["matches"]) <= 8 for rule in rules)
    return [
        (
            match["path"]["type"] == "Exact",
            match["path"]["value"],
            rule["backendRefs"][0]["name"],
        )
        for rule in rules
        for match in rule["matches"]
    ]


@pytest.mark.parametrize("kind", ["ingress", "route of a gateway"])
def test_every_page_is_reached_and_what_stays_inside_is_not(
    helm: Helm, kind: str
) -> None:
    rules = rules_of(helm, MATRIX[kind])
    pages = {page.path.replace("{", "").replace("}", "") for page in PAGES}
    api = {route.path for route in ROUTES if route.path.startswith("/api")}

    reached = {path: backend(rules, path) for path in pages}

    assert reached == dict.fromkeys(pages, "relaunch-api")
    assert backend(rules, min(api)) == "relaunch-api"
    assert backend(rules, "/webhooks/github/x") == "relaunch-receivers"
    assert {path: backend(rules, path) for path in INSIDE} == dict.fromkeys(INSIDE, "")


@pytest.mark.parametrize("kind", ["webhooks alone outside", "no page outside"])
def test_the_page_is_left_out_where_it_is_switched_off(helm: Helm, kind: str) -> None:
    rules = rules_of(helm, MATRIX[kind])

    assert backend(rules, "/") == ""
    assert backend(rules, "/sign-in") == ""
    assert backend(rules, "/webhooks/github/x") == "relaunch-receivers"


def test_the_notes_say_where_the_page_is(helm: Helm) -> None:
    outside = helm.notes(MATRIX["ingress"])
    inside = helm.notes({})

    assert "https://relaunch.example.org" in outside
    assert "http://127.0.0.1:8080/ while the port is forwarded" in inside
