"""The chart's objects of other projects' kinds are as those projects define them.

@kubernetes-models generates types out of the projects' own definitions; another package
of npm's turns those into JSON Schema, strictly: no field but theirs. They meet no API
server here: that of the test cluster, a 1.20.2 built by a newer Go, ends on the first
object of a kind that it has from a definition (`fatal error: fault` in reflect2).
"""

import json
import shutil
import subprocess
from functools import cache
from typing import Any, Final

import jsonschema
import pytest

from tests.chart.matrix import MATRIX
from tests.chart.rendering import Helm, Object
from tests.support.npm import npm_packages

pytestmark = [
    pytest.mark.helm,
    pytest.mark.npm,
    # npm fetches once, which may take long.
    pytest.mark.timeout(300, func_only=True),
]
KINDS: Final = {
    "ScaledObject": "keda/keda.sh/v1alpha1",
    "TriggerAuthentication": "keda/keda.sh/v1alpha1",
    "HTTPRoute": "gateway-api/gateway.networking.k8s.io/v1",
    "ServiceMonitor": "prometheus-operator/monitoring.coreos.com/v1",
    "PrometheusRule": "prometheus-operator/monitoring.coreos.com/v1",
}
"""Each kind, and the module that has its type."""
PACKAGES: Final = (
    "@kubernetes-models/keda@0.4.2",
    "@kubernetes-models/gateway-api@0.5.1",
    "@kubernetes-models/prometheus-operator@6.0.0",
    "ts-json-schema-generator@2.4.0",
)
SCRIPT: Final = """
const { createGenerator } = require("ts-json-schema-generator");
const kinds = process.argv.slice(1);
const generator = createGenerator({
  path: "kinds.ts", tsconfig: "tsconfig.json", type: kinds[0], skipTypeCheck: true,
  jsDoc: "none",
});
const found = kinds.map((kind) => [kind, generator.createSchema(kind)]);
process.stdout.write(JSON.stringify(Object.fromEntries(found)));
"""
OPTIONS: Final = {"module": "nodenext", "moduleResolution": "nodenext", "strict": True}


@cache
def schemas() -> dict[str, Any]:
    """Return the schema of each type; skip where they cannot be had."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine")
    folder = npm_packages(*PACKAGES)
    sources = [
        f'export {{ I{kind} }} from "@kubernetes-models/{module}";'
        for kind, module in KINDS.items()
    ]
    (folder / "kinds.ts").write_text("\n".join(sources))
    config = {"compilerOptions": OPTIONS, "files": ["kinds.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(config))
    done = subprocess.run(
        [node, "-e", SCRIPT, *(f"I{kind}" for kind in KINDS)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def expect_defined(item: Object) -> None:
    jsonschema.validate(item, schemas()[f"I{item['kind']}"])


def test_every_object_is_one_of_its_projects_type(helm: Helm) -> None:
    seen = set()
    for values in MATRIX.values():
        for item in helm.objects(values):
            if item["kind"] in KINDS:
                expect_defined(item)
                seen.add(item["kind"])

    assert seen == set(KINDS)


@pytest.mark.parametrize(
    ("name", "kind", "change"),
    [
        ("monitoring", "ServiceMonitor", {"endpoint": []}),
        ("monitoring", "PrometheusRule", {"groups": [{"rules": []}]}),
        ("scaled by queues", "ScaledObject", {"maxReplicas": 3}),
        ("scaled by queues", "TriggerAuthentication", {"secretTargetRefs": []}),
        ("route of a gateway", "HTTPRoute", {"hostnames": "x.example.org"}),
    ],
)
def test_what_is_misspelt_or_of_another_type_is_found(
    helm: Helm, name: str, kind: str, change: dict[str, Any]
) -> None:
    item = next(item for item in helm.objects(MATRIX[name]) if item["kind"] == kind)
    item["spec"] |= change

    with pytest.raises(jsonschema.ValidationError):
        expect_defined(item)
