"""The rights that the chart gives to the consumer."""

import json
from typing import Any

import kubernetes_validate
import pytest

from tests.support.chart import objects
from tests.support.kube import Kube

ALLOWED = {
    "jobs": {"create", "get", "list", "watch", "delete"},
    "pods": {"get", "list", "watch", "delete"},
    "pods/log": {"get"},
    "events": {"list"},
}
VERBS = ("create", "get", "list", "watch", "update", "patch", "delete")
OTHERS = ("secrets", "configmaps", "serviceaccounts", "pods/exec", "pods/attach")


def rendered(namespace: str = "builds") -> dict[str, dict[str, Any]]:
    return {
        object_["kind"]: object_
        for object_ in objects(
            "consumer-role.yaml", release="relaunch", namespace=namespace
        )
    }


def test_the_role_gives_what_the_builder_needs_and_nothing_else() -> None:
    rules = rendered()["Role"]["rules"]
    given = {
        resource: set(rule["verbs"]) for rule in rules for resource in rule["resources"]
    }

    assert given == ALLOWED
    assert not any("resourceNames" in rule for rule in rules)


def test_the_role_is_for_one_namespace_and_one_account() -> None:
    found = rendered()

    assert found.keys() == {"ServiceAccount", "Role", "RoleBinding"}
    binding = found["RoleBinding"]
    assert binding["roleRef"]["name"] == found["Role"]["metadata"]["name"]
    (subject,) = binding["subjects"]
    account = found["ServiceAccount"]["metadata"]
    assert (subject["name"], subject["namespace"]) == (
        account["name"],
        account["namespace"],
    )


@pytest.mark.parametrize("kind", ["ServiceAccount", "Role", "RoleBinding"])
def test_every_object_is_valid_to_the_letter(kind: str) -> None:
    newest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(rendered()[kind], newest, strict=True)


@pytest.mark.kubernetes
async def test_under_the_role_the_cluster_allows_that_and_nothing_else(
    kube: Kube,
) -> None:
    for entry in rendered(kube.namespace).values():
        await kube.kubectl("apply", "-f", "-", given=json.dumps(entry))
    account = f"system:serviceaccount:{kube.namespace}:relaunch-consumer"

    said = await kube.kubectl("auth", "can-i", "--list", f"--as={account}")

    rows = [line.split() for line in said.splitlines()[1:]]
    mine = {row[0].partition(".")[0]: row for row in rows if "self" not in row[0]}
    for resource in (*ALLOWED, *OTHERS):
        verbs = " ".join(mine.get(resource, [""])[1:])
        allowed = ALLOWED.get(resource, set())
        assert {verb for verb in VERBS if verb in verbs} == allowed, resource
