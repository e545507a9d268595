"""Values that tests start from; each takes what the test is about."""

from dataclasses import replace
from typing import Any

from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildSpec,
    BuildState,
    EnvironmentId,
    Image,
    Package,
    Plan,
    Rebuild,
    RebuildId,
)
from service.domain.definition import FILE, Definition, Item, Kind
from service.domain.evaluation.comparison import (
    Comparison,
    Evaluation,
    EvaluationId,
    Verdict,
)
from service.domain.fingerprint import Fingerprint
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.push import Trigger
from service.domain.repository import BlobId, CommitSha, Ref, Repository
from service.domain.source import Revision, Source, SourceId
from tests.support.clock import NOW

COMMIT = CommitSha("c" * 40)


def a_build_spec(**changes: Any) -> BuildSpec:
    spec = BuildSpec(
        builder="python",
        frontend="none",
        platform="linux/amd64",
        builder_image="local/1",
    )
    return replace(spec, **changes)


def a_repository(**changes: Any) -> Repository:
    repository = Repository(
        host="github.com", path="owner/name", url="https://github.com/owner/name"
    )
    return replace(repository, **changes)


def a_source(**changes: Any) -> Source:
    source = Source(
        id=SourceId("source-1"),
        repository=a_repository(),
        revision=Revision.from_text(None),
        context_dir="",
        created_at=NOW,
    )
    return replace(source, **changes)


def a_launcher(**changes: Any) -> Launcher:
    launcher = Launcher(
        id=LauncherId("launcher-1"),
        project_id="project-1",
        name="notebooks",
        environment_id=EnvironmentId("environment-1"),
        source_id=SourceId("source-1"),
        builder="python",
        frontend="none",
        platform="linux/amd64",
        policy=UpdatePolicy.AUTOMATIC,
        created_at=NOW,
    )
    return replace(launcher, **changes)


def an_image(**changes: Any) -> Image:
    image = Image(
        reference="local/pip@sha256:" + "a" * 64,
        size=1000,
        packages=(Package(name="six", version="1.17.0"),),
        built_at=NOW,
        build_id=BuildId("build-0"),
    )
    return replace(image, **changes)


def a_plan(**changes: Any) -> Plan:
    plan = Plan(
        evaluation_id="evaluation-1",
        generation=1,
        key=BuildKey("key-1"),
        spec=a_build_spec(),
        kind=Kind.PIP,
        commit=COMMIT,
        path="requirements.txt",
    )
    return replace(plan, **changes)


def a_rebuild(**changes: Any) -> Rebuild:
    rebuild = Rebuild(
        id=RebuildId("rebuild-1"),
        environment_id=EnvironmentId("environment-1"),
        launcher_id="launcher-1",
        source_id="source-1",
        trigger=Trigger.PUSH,
        plan=a_plan(),
        state=BuildState.QUEUED,
        created_at=NOW,
    )
    return replace(rebuild, **changes)


def a_build(**changes: Any) -> Build:
    build = Build(
        id=BuildId("build-1"),
        key=BuildKey("key-1"),
        state=BuildState.QUEUED,
        spec=a_build_spec(),
        kind=Kind.PIP,
        repository_url="https://github.com/owner/name",
        commit=COMMIT,
        context_dir="",
        path="requirements.txt",
        environment_id=EnvironmentId("environment-1"),
        project_id="project-1",
        created_at=NOW,
    )
    return replace(build, **changes)


def an_item(**changes: Any) -> Item:
    item = Item(
        path="requirements.txt", mode=FILE, oid=BlobId("b" * 40), role="definition"
    )
    return replace(item, **changes)


def a_definition(**changes: Any) -> Definition:
    definition = Definition(
        kind=Kind.PIP,
        path="requirements.txt",
        items=(an_item(),),
        fingerprint=Fingerprint("f" * 64),
        meaning=Fingerprint("e" * 64),
    )
    return replace(definition, **changes)


def an_evaluation(**changes: Any) -> Evaluation:
    evaluation = Evaluation(
        id=EvaluationId("evaluation-1"),
        source_id=SourceId("source-1"),
        generation=2,
        trigger=Trigger.PUSH,
        delivery_ids=(),
        comparison=Comparison(verdict=Verdict.CHANGED, reason="x", message="x"),
        commit=COMMIT,
        ref=Ref("refs/heads/main"),
        previous=None,
        fingerprint=Fingerprint("f" * 64),
        kind=Kind.PIP,
        started_at=NOW,
        completed_at=NOW,
    )
    return replace(evaluation, **changes)
