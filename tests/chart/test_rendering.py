"""Whatever values are given, the objects are ones that Kubernetes takes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from consumers.subscriptions import ROLES
from service.cli.commands import relaunch
from service.settings import Settings
from tests.chart.matrix import MATRIX
from tests.chart.rendering import CHART, Helm, Object, RefusedError, named
from tests.chart.strict import NEWEST, expect_valid
from tests.support.kube import Kube, a_namespace

pytestmark = pytest.mark.helm


@pytest.fixture(params=list(MATRIX.values()), ids=list(MATRIX), scope="module")
def objects(request: pytest.FixtureRequest, helm: Helm) -> list[Object]:
    values: Mapping[str, Any] = request.param
    return helm.objects(values, flags=["--kube-version", NEWEST])


def pods(objects: Sequence[Object]) -> Iterator[tuple[Object, Object]]:
    """Yield the labels and the spec of every pod that the objects make."""
    for item in objects:
        if item["kind"] == "Pod":
            yield item["metadata"]["labels"], item["spec"]
        elif item["kind"] in {"Deployment", "StatefulSet", "Job"}:
            template = item["spec"]["template"]
            yield template["metadata"]["labels"], template["spec"]


def test_helm_finds_nothing_to_complain_of(helm: Helm) -> None:
    answer = helm.run("lint", "--strict", str(CHART), "--set", "secrets.generate=true")

    assert "0 chart(s) failed" in answer


def test_every_object_is_one_of_todays_kubernetes(objects: list[Object]) -> None:
    for item in objects:
        expect_valid(item)


def test_a_misspelt_field_would_be_found(helm: Helm) -> None:
    for item in helm.objects(MATRIX["monitoring"]):
        if "spec" in item:
            wrong = {**item, "spec": {**item["spec"], "replicass": 1}}
            with pytest.raises(jsonschema.ValidationError, match="replicass"):
                expect_valid(wrong)


def test_no_object_is_there_twice(objects: list[Object]) -> None:
    keys = [
        (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
        for item in objects
    ]

    assert len(keys) == len(set(keys))


def test_every_pod_passes_the_restricted_standard(objects: list[Object]) -> None:
    for _, spec in pods(objects):
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            own = container["securityContext"]
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert own["allowPrivilegeEscalation"] is False
            assert own["readOnlyRootFilesystem"] is True
            assert "memory" in container["resources"]["limits"]


def test_only_consumers_can_speak_to_the_api_server(objects: list[Object]) -> None:
    for labels, spec in pods(objects):
        is_consumer = labels["app.kubernetes.io/component"] == "consumers"
        assert spec["automountServiceAccountToken"] is is_consumer


def test_no_pod_gets_variables_of_services(objects: list[Object]) -> None:
    """A Service `relaunch-api` would be a setting `RELAUNCH_API_PORT`."""
    given = {
        labels["app.kubernetes.io/component"]
        for labels, spec in pods(objects)
        if spec["enableServiceLinks"]
    }

    # `helm test` runs no relaunch, and finds the Services by them.
    assert given == {"test"}


@pytest.mark.parametrize("part", ["receivers", "api", "consumers"])
def test_the_arguments_of_every_role_are_a_command(helm: Helm, part: str) -> None:
    found = named(helm.objects({}), "Deployment", f"relaunch-{part}")
    (container,) = found["spec"]["template"]["spec"]["containers"]

    answer = CliRunner().invoke(relaunch, [*container["args"], "--help"])
    assert answer.exit_code == 0, answer.output


def test_no_secret_is_a_variable_of_ours(objects: list[Object]) -> None:
    for labels, spec in pods(objects):
        if labels["app.kubernetes.io/component"] in {"postgresql", "rabbitmq"}:
            continue  # their images read nothing else
        for container in spec["containers"]:
            assert [
                item for item in container.get("env", []) if "valueFrom" in item
            ] == []


def test_everything_that_selects_pods_selects_some(objects: list[Object]) -> None:
    labels = [found for found, _ in pods(objects)]
    for item in objects:
        wanted = {
            "Service": lambda spec: spec["selector"],
            "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
            "Deployment": lambda spec: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda spec: spec["podSelector"].get("matchLabels", {}),
        }.get(item["kind"])
        if wanted is None or item["metadata"]["name"] == "relaunch-migration":
            continue
        selector = wanted(item["spec"])
        assert any(selector.items() <= found.items() for found in labels), item


def test_every_variable_is_a_setting(objects: list[Object]) -> None:
    known = set(Settings.variables())
    given = set(named(objects, "ConfigMap", "relaunch-settings")["data"])
    for labels, spec in pods(objects):
        if labels["app.kubernetes.io/component"] in {"receivers", "api", "consumers"}:
            (container,) = spec["containers"]
            given |= {item["name"] for item in container["env"]}
    ours = {name for name in given if name.startswith("RELAUNCH_")}

    assert {
        name for name in ours if not {name, name.removesuffix("_FILE")} & known
    } == set()


def test_keda_watches_the_queues_of_every_role(helm: Helm) -> None:
    objects = helm.objects(MATRIX["scaled by queues"])

    spec = named(objects, "ScaledObject", "relaunch-consumers")["spec"]
    queues = {trigger["metadata"]["queueName"] for trigger in spec["triggers"]}
    assert queues == {f"renku.{role.name}" for role in ROLES}


@pytest.mark.kubernetes
async def test_a_real_api_server_takes_every_object_that_it_has_a_kind_for(
    helm: Helm,
) -> None:
    """Nothing is kept; a field that the server does not know is an error too."""
    # Elsewhere other tests have objects of these names.
    with a_namespace() as kube:
        await _all_are_taken(helm, kube)


async def _all_are_taken(helm: Helm, kube: Kube) -> None:
    server = json.loads(await kube.kubectl("version", "-o", "json"))["serverVersion"]
    flags = ["--kube-version", server["gitVersion"], "--namespace", kube.namespace]
    objects = {
        (item["kind"], item["metadata"]["name"]): item
        for name in ("scaled by processor time", "ingress", "everything of a pod")
        for item in helm.objects(MATRIX[name], flags=flags)
        # Elsewhere is the namespace of builds, which is made by the chart itself.
        if item["metadata"].get("namespace") == kube.namespace
    }
    manifests = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": list(objects.values())}
    )

    said = await kube.kubectl(
        *("create", "--dry-run=server", "--validate=true", "-f", "-"), given=manifests
    )

    assert len(said.splitlines()) == len(objects)
    kinds = {kind for kind, _ in objects}
    assert kinds >= {"HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress"}


def test_other_settings_are_other_pods(helm: Helm) -> None:
    def checksum(**settings: Any) -> str:
        found = named(
            helm.objects({"settings": settings}), "Deployment", "relaunch-api"
        )
        annotations = found["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/settings"])

    assert checksum() == checksum()
    assert checksum(log={"level": "debug"}) != checksum()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"receiver": {}}, "receiver", id="a group misspelt"),
        pytest.param({"api": {"replica": 2}}, "replica", id="a key misspelt"),
        pytest.param({"settings": {"log": {"levle": "x"}}}, "levle", id="a setting"),
        pytest.param({"settings": {"log": {"level": "x"}}}, "level", id="its value"),
        pytest.param(
            {"settings": {"sweep": {"interval": "soon"}}}, "interval", id="time"
        ),
        pytest.param({"settings": {"token": "abc"}}, "token", id="a secret's value"),
        pytest.param(
            {"builds": {"networkPolicy": {"registry": ["169.254.169.254/32"]}}},
            "registry",
            id="the metadata service",
        ),
        pytest.param(
            {"builds": {"networkPolicy": {"forges": ["0.0.0.0/0"]}}},
            "forges",
            id="everything",
        ),
        pytest.param(
            {"secrets": {"database": {"existingSecret": ""}}},
            "secrets.database.existingSecret",
            id="no database",
        ),
        pytest.param(
            {"consumers": {"keda": {"enabled": True}}}, "secrets.bus", id="no broker"
        ),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_installed(
    helm: Helm, values: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(RefusedError, match=message):
        helm.render(values)


def test_the_tables_are_this_versions_before_new_pods_work(helm: Helm) -> None:
    """With the bundle no hook does it: Helm runs those after it when pods are ready."""
    (container,) = named(helm.objects({}), "Job", "relaunch-migration")["spec"][
        "template"
    ]["spec"]["containers"]
    bundled = helm.objects(MATRIX["bundle"])
    first = [
        spec["initContainers"][0]["args"]
        for labels, spec in pods(bundled)
        if labels["app.kubernetes.io/component"] in {"receivers", "api", "consumers"}
    ]

    assert container["args"] == ["migrate"]
    assert first == [["migrate"]] * 3
    assert [item for item in bundled if item["kind"] == "Job"] == []
