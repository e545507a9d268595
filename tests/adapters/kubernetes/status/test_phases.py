"""What a pod shows of the phases of a build."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from service.adapters.kubernetes.client import Resource
from service.adapters.kubernetes.diagnosis.diagnose import diagnose
from service.adapters.kubernetes.informer_cache import trim
from service.adapters.kubernetes.manifests.containers import PHASES
from service.adapters.kubernetes.status.durations import measure_phase
from service.adapters.kubernetes.status.phases import (
    PhaseRun,
    PhaseState as S,
    failed_phase,
    phase_times,
    phases,
    waiting_phase,
)
from tests.adapters.kubernetes.seen import STATES, Seen

RECORDED = sorted(path.stem for path in STATES.iterdir())


def test_phases_come_in_the_order_in_which_they_run() -> None:
    pod = Seen.recorded("out of memory").pod
    assert pod is not None
    runs = phases(pod)

    assert tuple(run.name for run in runs) == PHASES
    assert [run.state for run in runs] == [*[S.TERMINATED] * 5, S.WAITING]
    assert [run.exit_code for run in runs] == [0, 0, 0, 0, 137, None]
    assert [run.started for run in runs[:5]] == sorted(
        run.started for run in runs[:5] if run.started
    )
    assert runs[4].duration is not None
    assert runs[4].duration >= timedelta(0)
    assert runs[5].duration is None


def test_only_phases_that_ended_tell_how_long_they_took() -> None:
    pod = Seen.recorded("out of memory").pod

    times = phase_times(pod)

    assert tuple(time.name for time in times) == PHASES[:5]
    assert all(timedelta(0) <= time.took < timedelta(minutes=5) for time in times)
    assert phase_times(None) == ()


def test_the_phase_that_failed_is_found() -> None:
    pod = Seen.recorded("no definition").pod
    assert pod is not None
    failed = failed_phase(pod)

    assert failed is not None
    assert (failed.name, failed.exit_code) == ("detect", 20)


def test_the_phase_that_waits_is_found() -> None:
    pod = Seen.recorded("image pull not found").pod
    assert pod is not None
    waiting = waiting_phase(pod)

    assert waiting is not None
    assert waiting.name == "clone"
    assert waiting.reason == "ErrImagePull"
    assert waiting.image.endswith("/relaunch-tests/none:1")


def test_a_phase_that_runs_keeps_others_from_waiting() -> None:
    pod = Seen.recorded("deadline").pod
    assert pod is not None

    assert waiting_phase(pod) is None
    assert failed_phase(pod) is None


AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "took"),
    [
        pytest.param(None, None, 2.0, id="it said nothing"),
        pytest.param(0.75, 2.25, 1.5, id="both within their seconds"),
        pytest.param(0.75, 1.5, 1.25, id="silent at its end"),
        pytest.param(1.5, 2.25, 2.25, id="silent at first"),
        pytest.param(-5, 9, 2.0, id="another clock"),
    ],
)
def test_the_stamps_of_a_log_tell_more_than_whole_seconds(
    first: float | None, last: float | None, took: float
) -> None:
    ended = AT + timedelta(seconds=2)
    run = PhaseRun(name="build", state=S.TERMINATED, started=AT, finished=ended)
    stamps = [
        None if number is None else AT + timedelta(seconds=number)
        for number in (first, last)
    ]

    assert measure_phase(run, *stamps).took.total_seconds() == took


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_remembered_of_objects_is_enough_to_explain(name: str) -> None:
    found = Seen.recorded(name)
    job = json.loads(trim(Resource.JOB, found.job))
    pod = json.loads(trim(Resource.POD, found.pod)) if found.pod else None

    assert diagnose(job, pod, found.log, events=found.events) == found.explained()
