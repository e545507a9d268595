"""What keeps pods from starting where the cluster of the tests cannot be made to.

Written by hand, from the sources and the issues of Kubernetes and of container runtimes
that are named; what a real cluster showed is in `states/`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from service.adapters.kubernetes.diagnosis.diagnose import diagnose
from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.adapters.kubernetes.diagnosis.starting import find_hindrance, is_given_up
from service.domain.building.failure import Failure, FailureClass as C
from tests.adapters.kubernetes.diagnosis.test_diagnose import AT, a_job, a_pod
from tests.adapters.kubernetes.seen import Seen

NOW = datetime.fromisoformat(AT)
REFUSED = 'Error creating: pods "relaunch-1-x7k2p" is forbidden: '
IMAGE = "images.invalid/clone"


def fresh(**spec: Any) -> dict[str, Any]:
    """A Job that was just made."""
    about = {"name": "job", "uid": "1", "creationTimestamp": AT}
    return {"metadata": about, "spec": spec, "status": {}}


def an_event(reason: str, message: str, second: int = 0) -> Mapping[str, Any]:
    at = f"2026-03-01T12:00:{second:02}Z"
    return {"reason": reason, "message": message, "lastTimestamp": at}


def pending(state: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A pod of which nothing ran."""
    creating = {"waiting": state or {"reason": "ContainerCreating"}}
    pod = a_pod(creating, phase="Pending", **changes)
    pod["spec"]["volumes"] = [
        {"name": "registry", "secret": {"secretName": "push"}},
        {"name": "cache", "persistentVolumeClaim": {"claimName": "caches"}},
    ]
    return pod


@pytest.mark.parametrize(
    ("message", "words"),
    [
        pytest.param(
            f'{REFUSED}violates PodSecurity "restricted:latest": runAsNonRoot != true',
            'the cluster rejects it: violates PodSecurity "restricted:latest"',
            id="Pod Security, since 1.23",
        ),
        pytest.param(
            'Error creating: admission webhook "no.example.org" denied the request: no',
            'rejects it: admission webhook "no.example.org" denied the request: no',
            id="a webhook says no",
        ),
        pytest.param(
            "Error creating: Internal error occurred: failed calling webhook "
            '"no.example.org": connect: connection refused',
            'failed calling webhook "no.example.org"',
            id="a webhook is away",
        ),
        pytest.param(
            f"{REFUSED}failed quota: q: must specify limits.cpu for: clone",
            "the quota q of its namespace rejects it: must specify limits.cpu",
            id="a quota wants limits, since 1.26",
        ),
        pytest.param(
            f"{REFUSED}exceeded quota: q, requested: limits.memory=8Gi,pods=1, used: "
            "limits.memory=8Gi,pods=1, limited: limits.memory=8Gi,pods=1",
            "the quota q of its namespace is exceeded: requested is "
            "limits.memory=8Gi,pods=1, used is limits.memory=8Gi,pods=1",
            id="a quota of several things",
        ),
    ],
)
def test_whatever_refuses_a_pod_is_told(message: str, words: str) -> None:
    case = FailureEvidence(
        job=fresh(), pod=None, log="", events=[an_event("FailedCreate", message)]
    )

    found = find_hindrance(case, now=NOW)

    assert found is not None
    assert found.kind is C.NOT_ADMITTED
    assert words in found.message
    assert "relaunch-1-x7k2p" not in found.message


def test_a_machine_that_is_gone_ends_a_build_that_ran_on_it() -> None:
    pod = a_pod({"running": {"startedAt": AT}}, phase="Running")
    pod["spec"]["nodeName"] = "node-7"
    pod["metadata"]["deletionTimestamp"] = AT
    case = FailureEvidence(
        job=fresh() | {"status": {"active": 1}}, pod=pod, log="", events=[]
    )
    long = timedelta(hours=1)

    assert not is_given_up(case, now=NOW + timedelta(seconds=29), after=long)
    assert is_given_up(case, now=NOW + timedelta(seconds=31), after=long)
    failure = diagnose(case.job, pod, "")
    assert failure.kind is C.EVICTED
    assert "its pod was deleted, as when node-7 does not answer" in failure.message


def test_what_no_machine_has_is_named_with_what_was_asked_for() -> None:
    told = (
        "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
        "1 node(s) had taint {gpu: yes}, that the pod didn't tolerate, 1 Insufficient "
        "memory."
    )
    pod = pending(
        conditions=[
            {
                "type": "PodScheduled",
                "status": "False",
                "message": told,
                "lastTransitionTime": AT,
            }
        ]
    )
    pod["spec"]["nodeSelector"] = {"purpose": "builds"}
    pod["spec"]["containers"][0]["resources"] = {"requests": {"memory": "900Gi"}}

    found = find_hindrance(
        FailureEvidence(job=fresh(), pod=pod, log="", events=[]), now=NOW
    )

    assert found is not None
    assert found.kind is C.UNSCHEDULABLE
    assert found.message.endswith("; it requests purpose=builds, memory=900Gi")
    assert "taint {gpu: yes}" in found.message


def test_a_pod_that_came_after_all_ends_what_was_said_of_it() -> None:
    job = fresh() | {"status": {"active": 1}}
    events = [an_event("FailedCreate", f"{REFUSED}exceeded quota: q")]

    assert (
        find_hindrance(
            FailureEvidence(job=job, pod=None, log="", events=events), now=NOW
        )
        is None
    )


@pytest.mark.parametrize(
    ("events", "kind", "message"),
    [
        pytest.param(
            [
                an_event(
                    "FailedMount", 'for volume "registry" : secret "push" not found'
                ),
                an_event(
                    "FailedMount",
                    "Unable to attach or mount volumes: unmounted volumes=[registry], "
                    "unattached volumes=[cache registry]: timed out waiting for the "
                    "condition",
                    50,
                ),
            ],
            C.MISSING_RESOURCE,
            "the Secret push does not exist",
            id="a reason, and later a summary without it",
        ),
        pytest.param(
            [
                an_event(
                    "FailedMount",
                    "Unable to attach or mount volumes: unmounted volumes=[cache "
                    "tmp], unattached volumes=[]: timed out waiting for the condition",
                )
            ],
            C.MISSING_RESOURCE,
            "the PersistentVolumeClaim caches cannot be mounted: timed out waiting for "
            "the condition",
            id="a summary alone",
        ),
        pytest.param(
            [
                an_event(
                    "FailedAttachVolume",
                    'Multi-Attach error for volume "pvc-1" Volume is already used by '
                    "pods",
                )
            ],
            C.MISSING_RESOURCE,
            "the volume pvc-1 cannot be mounted: Volume is already used by pods",
            id="attached elsewhere",
        ),
        pytest.param(
            [
                an_event(
                    "FailedCreatePodSandBox",
                    "Failed to create pod sandbox: rpc error: code = Unknown desc = "
                    "failed to setup network",
                )
            ],
            C.NOT_STARTED,
            "the node cannot start its pod: Failed to create pod sandbox: rpc "
            "error: code = Unknown desc = failed to setup network",
            id="no network",
        ),
        pytest.param(
            [an_event("MissingClusterDNS", "kubelet does not have ClusterDNS")],
            None,
            "",
            id="a warning that stops nothing",
        ),
    ],
)
def test_a_pod_that_its_machine_cannot_start_says_why(
    events: list[Mapping[str, Any]], kind: C | None, message: str
) -> None:
    pod = pending(startTime=AT)

    found = find_hindrance(
        FailureEvidence(job=fresh(), pod=pod, log="", events=events), now=NOW
    )

    assert (found.kind if found else None) is kind
    assert (found.message if found else "") == message


def test_a_claim_without_a_volume_is_named() -> None:
    unbound = {
        "type": "PodScheduled",
        "status": "False",
        "message": "0/3 nodes are available: pod has unbound immediate "
        "PersistentVolumeClaims. preemption: 0/3 nodes are available.",
    }
    found = diagnose(fresh(), pending(conditions=[unbound]), "")

    assert found.kind is C.MISSING_RESOURCE
    assert "the PersistentVolumeClaim caches has no volume yet" in found.message


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            f"pull access denied for {IMAGE}, repository does not exist or may require",
            "it does not exist, or its registry refuses it",
        ),
        (f"manifest for {IMAGE}:1 not found: manifest unknown", "it does not exist"),
        ("failed to resolve reference: unexpected status: 404", "it does not exist"),
        ("name unknown: repository name not known to registry", "it does not exist"),
        (
            "no matching manifest for linux/arm64/v8 in the manifest list entries",
            "it does not exist for the node's platform",
        ),
        (
            "no match for platform in manifest sha256:1: not found",
            "it does not exist for the node's platform",
        ),
        (
            "toomanyrequests: You have reached your pull rate limit.",
            "its registry limits the request rate",
        ),
        (
            "dial tcp: lookup images.invalid: no such host",
            "the node cannot resolve the name of its registry",
        ),
        (
            "x509: certificate signed by unknown authority",
            "the node does not trust the certificate of its registry",
        ),
        (
            "http: server gave HTTP response to HTTPS client",
            "its registry speaks plain HTTP, but the node expects TLS",
        ),
        ("dial tcp 10.0.0.1:443: i/o timeout", "its registry cannot be reached"),
        (
            "unexpected status from HEAD request: 403 Forbidden",
            "its registry refuses it",
        ),
        (
            "write /var/lib/x: no space left on device",
            "the disk of the node has no room for it",
        ),
    ],
)
def test_why_an_image_is_not_there_is_said_once_and_known_when_it_is_tried_again(
    told: str, why: str
) -> None:
    first = pending({"reason": "ErrImagePull", "message": told})
    later = pending(
        {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{IMAGE}"'}
    )
    events = [
        an_event("Failed", f'Failed to pull image "{IMAGE}": {told}'),
        an_event("Failed", "Error: ErrImagePull"),
        an_event("Failed", "Error: ImagePullBackOff", 3),
    ]

    found = [
        diagnose(fresh(), first, ""),
        diagnose(fresh(), later, "", events=events),
    ]

    assert [failure.kind for failure in found] == [C.IMAGE_PULL] * 2
    assert [failure.message.split("cannot be pulled: ")[1] for failure in found] == [
        why
    ] * 2


def test_a_pull_secret_that_is_missing_is_named() -> None:
    pod = pending({"reason": "ErrImagePull", "message": "401 Unauthorized"})
    said = "Unable to retrieve some image pull secrets (pull-1); attempting to pull"
    events = [an_event("FailedToRetrieveImagePullSecret", said)]

    found = diagnose(fresh(), pod, "", events=events)

    assert found.message.endswith(
        "its registry refuses it; its pull Secret pull-1 does not exist"
    )


LATER = NOW + timedelta(minutes=11)
PATIENCE = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("job", "pod", "events", "is_over"),
    [
        pytest.param(fresh(), None, [], True, id="no pod, and no word"),
        pytest.param(
            fresh(suspend=True), None, [], False, id="Kueue has yet to say yes"
        ),
        pytest.param(fresh(), pending(startTime=AT), [], False, id="a large image"),
        pytest.param(
            fresh(),
            pending(startTime=AT),
            [an_event("FailedMount", 'for volume "x" : no')],
            True,
            id="a volume",
        ),
    ],
)
def test_what_others_have_to_mend_is_waited_for_until_patience_ends(
    job: dict[str, Any],
    pod: dict[str, Any] | None,
    events: list[Mapping[str, Any]],
    is_over: bool,  # noqa: FBT001 - what is asked
) -> None:
    case = FailureEvidence(job=job, pod=pod, log="", events=events)

    assert find_hindrance(case, now=LATER) is not None
    assert is_given_up(case, now=LATER, after=PATIENCE) is is_over
    assert not is_given_up(case, now=NOW + timedelta(minutes=9), after=PATIENCE)


def stopped(*, waited: timedelta) -> Failure:
    """Explain a Job of ten minutes whose first phase began late."""
    found = Seen.recorded("deadline")
    assert found.pod is not None
    status = found.pod["status"]
    first = status["initContainerStatuses"][0]["state"]["terminated"]
    began = datetime.fromisoformat(first["startedAt"]) - waited
    job = {
        **found.job,
        "spec": {"activeDeadlineSeconds": 600},
        "status": {**found.job["status"], "startTime": began.isoformat()},
    }
    return diagnose(job, found.pod, "")


def test_a_time_limit_counts_as_the_user_s_if_the_build_had_its_time() -> None:
    assert stopped(waited=timedelta(seconds=50)).kind is C.DEADLINE
    assert stopped(waited=timedelta(seconds=70)).kind is C.NOT_STARTED


def test_a_limit_that_ends_what_never_had_a_pod_is_not_the_user_s() -> None:
    never = diagnose(a_job("DeadlineExceeded"), None, "")
    gone = a_job("DeadlineExceeded")
    gone["status"]["failed"] = 1

    assert never.kind is C.NOT_STARTED
    assert diagnose(gone, None, "").kind is C.DEADLINE
