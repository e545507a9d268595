"""What provenance states of a build, and what it keeps to itself."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.oci.sbom import LABEL
from service.adapters.kubernetes.signing.materials import (
    builder_image,
    previous_image,
    run_image,
)
from service.adapters.kubernetes.signing.provenance import (
    ProvenanceFacts,
    is_provenance,
    to_statement,
)
from service.domain.repository import Ref
from tests.adapters.kubernetes.variants import an_options, some_build

IMAGE = "registry.example.org:5000/renku-build/env"
DIGEST = f"sha256:{'d' * 64}"
BUILDER = f"registry.example.org/selector@sha256:{'b' * 64}"
RUN = f"registry.example.org/run-image@sha256:{'e' * 64}"


def made(**changes: Any) -> ProvenanceFacts:
    began = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=1)))
    defaults: dict[str, Any] = {
        "build": some_build(
            repository_url="https://me:secret@git.example.org/o/n",
            ref=Ref("refs/heads/main"),
            context_dir="sub",
            attempt=2,
        ),
        "image": f"{IMAGE}@{DIGEST}",
        "builder_image": BUILDER,
        "run_image": RUN,
        "previous_image": f"{IMAGE}@sha256:{'a' * 64}",
        "started": began,
        "finished": began + timedelta(minutes=3),
    }
    return ProvenanceFacts(**defaults | changes)


def stated(**changes: Any) -> dict[str, Any]:
    raw = to_statement(
        made(**changes), builder_id="https://it.example.org", version="1"
    )
    read: dict[str, Any] = json.loads(raw)
    return read


def test_a_statement_names_what_was_asked_for_and_what_it_was_made_of() -> None:
    build = made().build

    assert stated() == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": IMAGE, "digest": {"sha256": "d" * 64}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://relaunch.dev/build-types/kubernetes/v1",
                "externalParameters": {
                    "repository": "https://git.example.org/o/n",
                    "ref": "refs/heads/main",
                    "commit": build.commit,
                    "contextDirectory": "sub",
                    "kind": "pip",
                    "definition": build.path,
                    "builder": "python",
                    "frontend": "jupyterlab",
                    "platform": "linux/amd64",
                },
                "internalParameters": {"key": build.key},
                "resolvedDependencies": [
                    {
                        "name": "source",
                        "uri": "git+https://git.example.org/o/n@refs/heads/main",
                        "digest": {"gitCommit": build.commit},
                    },
                    {
                        "name": "builderImage",
                        "uri": f"pkg:oci/selector@sha256%3A{'b' * 64}"
                        "?repository_url=registry.example.org/selector",
                        "digest": {"sha256": "b" * 64},
                    },
                    {
                        "name": "runImage",
                        "uri": f"pkg:oci/run-image@sha256%3A{'e' * 64}"
                        "?repository_url=registry.example.org/run-image",
                        "digest": {"sha256": "e" * 64},
                    },
                    {
                        "name": "previousImage",
                        "uri": f"pkg:oci/env@sha256%3A{'a' * 64}"
                        f"?repository_url={IMAGE}",
                        "digest": {"sha256": "a" * 64},
                    },
                ],
            },
            "runDetails": {
                "builder": {
                    "id": "https://it.example.org",
                    "version": {"relaunch": "1"},
                },
                "metadata": {
                    "invocationId": f"{build.id}/2",
                    "startedOn": "2026-03-01T11:00:00Z",
                    "finishedOn": "2026-03-01T11:03:00Z",
                },
            },
        },
    }


def test_what_nobody_can_tell_is_not_stated() -> None:
    build = replace(made().build, ref=None, context_dir="")
    told = stated(
        build=build,
        builder_image="h.org:5000/o/selector:0.9",
        run_image="",
        previous_image="",
    )
    defined = told["predicate"]["buildDefinition"]
    source, builder = defined["resolvedDependencies"]

    assert not {"ref", "contextDirectory"} & set(defined["externalParameters"])
    assert source["uri"] == "git+https://git.example.org/o/n"
    assert builder == {
        "name": "builderImage",
        "uri": "pkg:oci/selector?repository_url=h.org:5000/o/selector&tag=0.9",
    }


def test_the_same_facts_give_the_same_bytes_and_no_password() -> None:
    first, second = (
        to_statement(made(), builder_id="urn:x", version="1") for _ in range(2)
    )

    assert first == second
    assert b"secret" not in first


def test_a_statement_of_another_kind_is_no_provenance() -> None:
    assert is_provenance(json.dumps(stated()).encode())
    for other in (b"", b"[]", b'{"predicateType": "https://spdx.dev/Document"}'):
        assert not is_provenance(other)


def a_job(**changes: Any) -> dict[str, Any]:
    return to_job(some_build(), an_options(**changes))


def a_pod(name: str, image: str) -> dict[str, Any]:
    return {"status": {"initContainerStatuses": [{"name": name, "imageID": image}]}}


@pytest.mark.parametrize("told", [BUILDER, f"docker-pullable://{BUILDER}"])
def test_the_node_says_which_builder_a_tag_was(told: str) -> None:
    assert builder_image(a_job(), a_pod("build", told)) == BUILDER


def test_the_node_names_the_repository_that_has_the_digest() -> None:
    told = f"mirror.example.org/o/builder@{DIGEST}"

    assert builder_image(a_job(), a_pod("build", told)) == told


@pytest.mark.parametrize("told", ["", DIGEST, "registry.example.org/selector:0.9.1"])
def test_a_builder_that_no_digest_is_known_of_is_named_by_its_tag(told: str) -> None:
    named = "registry.example.org/selector:0.9.1"

    assert builder_image(a_job(), a_pod("build", told)) == named
    assert builder_image(a_job(), None) == named


def test_a_builder_by_digest_is_what_was_asked_for() -> None:
    assert builder_image(a_job(builder_image=BUILDER), a_pod("build", RUN)) == BUILDER


def test_the_builder_of_a_single_phase_is_found_too() -> None:
    job = a_job(is_trusted=True)
    pod = {"status": {"containerStatuses": [{"name": "creator", "imageID": BUILDER}]}}

    assert builder_image(job, pod) == BUILDER


def labelled(reference: str) -> dict[str, Any]:
    about = json.dumps({"runImage": {"topLayer": "sha256:1", "reference": reference}})
    return {"config": {"Labels": {LABEL: about}}}


def test_the_image_says_what_it_stands_on() -> None:
    assert run_image(a_job(), labelled(RUN)) == RUN


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"config": {"Labels": None}},
        {"config": {"Labels": {LABEL: "{"}}},
        {"config": {"Labels": {LABEL: "[]"}}},
        labelled("x:1"),
    ],
)
def test_an_image_that_does_not_say_stands_on_what_was_asked_for(
    config: dict[str, Any],
) -> None:
    assert run_image(a_job(), config) == "registry.example.org/run-image:0.9.1"
    assert run_image(a_job(run_image=RUN), config) == RUN


def test_layers_count_only_where_the_build_was_given_them() -> None:
    options = {"target": IMAGE.rpartition("/")[0]}
    before = f"{IMAGE}@{DIGEST}"
    build = some_build(previous_image=before)

    assert not previous_image(to_job(build, an_options(**options)))
    cached = an_options(**options, cache_image="registry.example.org/cache")
    assert previous_image(to_job(build, cached)) == before


def test_times_are_those_of_the_job() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    metadata = stated(started=at, finished=at)["predicate"]["runDetails"]["metadata"]

    assert metadata["startedOn"] == metadata["finishedOn"] == "2026-01-01T00:00:00Z"
