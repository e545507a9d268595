"""What images are built with and stand on, by digest once that was seen."""

import json

from service.adapters.kubernetes.identity import KubernetesIdentity
from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.options import PlatformOptions
from tests.adapters.kubernetes.variants import an_options, some_build

BUILDER = "registry.example.org/selector:0.9.1"
RUN = "registry.example.org/run-image:0.9.1"
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def test_only_what_is_named_by_tag_may_move() -> None:
    options = an_options(
        run_image=f"registry.example.org/run@{ONE}",
        platforms={"linux/arm64": PlatformOptions(run_image="localhost:5000/arm")},
    )

    assert options.bases() == {BUILDER, "localhost:5000/arm"}
    assert KubernetesIdentity(options).bases() == options.bases()


def test_a_name_keeps_its_registry_and_loses_its_tag() -> None:
    options = an_options(digests={"localhost:5000/a/b:1": ONE, "plain": TWO})

    assert options.pin("localhost:5000/a/b:1") == f"localhost:5000/a/b@{ONE}"
    assert options.pin("plain") == f"plain@{TWO}"
    assert options.pin("other:1") == "other:1"


def test_a_digest_counts_in_the_identity_of_whichever_image_it_is() -> None:
    named = KubernetesIdentity(an_options())
    seen = {named.identity(frontend="none")}
    for digests in (
        {BUILDER: ONE},
        {BUILDER: TWO},
        {RUN: ONE},
        {RUN: ONE, BUILDER: ONE},
    ):
        named.pin_bases(digests)
        seen.add(named.identity(frontend="none"))
    named.pin_bases({"registry.example.org/another:1": ONE})

    assert len(seen) == 5
    assert named.identity(frontend="none") in seen


def test_a_job_uses_exactly_what_its_key_names() -> None:
    named = KubernetesIdentity(an_options())
    named.pin_bases({BUILDER: ONE, RUN: TWO})

    manifest = json.dumps(to_job(some_build(), named.options))

    assert f"registry.example.org/selector@{ONE}" in manifest
    assert f"-run-image=registry.example.org/run-image@{TWO}" in manifest
    assert BUILDER not in manifest
    assert RUN not in manifest
