"""Check by dry run that the API server accepts our Jobs and their pods."""

from collections.abc import Sequence

from service.adapters.kubernetes.client import Json
from service.adapters.kubernetes.diagnosis.starting import admission_failure
from service.adapters.kubernetes.doctor.inspector import Inspector
from service.adapters.kubernetes.doctor.sample import Sample
from service.adapters.kubernetes.errors import ApiRefusedError
from service.domain.diagnosis import CheckResult
from service.errors import ConflictError, NotFoundError, PermanentError

__all__ = ["check_jobs", "check_pods"]


async def check_jobs(inspector: Inspector, sample: Sample) -> Sequence[CheckResult]:
    """Check the Jobs of a build by dry run."""
    return await _try_all(
        inspector, "Job", [(_describe_job(job), job) for job in sample.jobs]
    )


async def check_pods(inspector: Inspector, sample: Sample) -> Sequence[CheckResult]:
    """Check the pods of a build by dry run, when our own rights allow it."""
    # Quotas, LimitRanges, Pod Security, classes and most webhooks apply to pods, not to
    # Jobs: a Job may be accepted whose pods never are.
    pods = [(_describe_job(job), _extract_pod(job)) for job in sample.jobs]
    return await _try_all(inspector, "pod", pods)


async def _try_all(
    inspector: Inspector, word: str, manifests: Sequence[tuple[str, Json]]
) -> Sequence[CheckResult]:
    try:
        results = [
            await _try_creating(inspector, word, name, manifest)
            for name, manifest in manifests
        ]
        return list(dict.fromkeys(results))  # equal results once
    except NotFoundError:
        if word != "Job":  # the check of Jobs reports it already
            return []
        namespace = inspector.namespace
        seen = f"cannot be tried: the namespace {namespace} does not exist"
        return [
            CheckResult.failed("Jobs", seen, f"kubectl create namespace {namespace}")
        ]


async def _try_creating(
    inspector: Inspector, word: str, name: str, manifest: Json
) -> CheckResult:
    subject = f"{word} of {name}"
    try:
        await inspector.try_creating(manifest)
    except ConflictError:
        return CheckResult.ok(subject, "a Job of this name exists")
    except ApiRefusedError as exc:
        return _interpret_refusal(subject, word, str(exc))
    except PermanentError as exc:
        if "dry run" in str(exc).lower():
            return CheckResult.warning(subject, f"cannot be tried: {exc}")
        return CheckResult.failed(
            subject, str(exc), "correct the setting that it names"
        )
    return CheckResult.ok(subject, "the API server would accept it")


def _interpret_refusal(subject: str, word: str, message: str) -> CheckResult:
    if "cannot create resource" in message:
        seen = f"these rights do not allow a dry run of {word}s"
        if word == "Job":
            return CheckResult.failed("Jobs", seen, "see the line on rights")
        return CheckResult.warning(
            "pods",
            f"{seen}, so the effect of quotas, limits and Pod Security is not known",
            "run doctor once with an account that may create pods",
        )
    why = admission_failure(message).message
    advice = "change the rule that it names, or the settings that it rejects"
    return CheckResult.failed(subject, f"it would be rejected: {why}", advice)


def _describe_job(job: Json) -> str:
    component = job["metadata"]["labels"]["app.kubernetes.io/component"]
    return "a build" if component == "build" else "a smoke test"


def _extract_pod(job: Json) -> Json:
    template = job["spec"]["template"]
    metadata = {**template["metadata"], "name": job["metadata"]["name"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "namespace": job["metadata"]["namespace"]},
        "spec": template["spec"],
    }
