"""Check the settings by themselves, before anything is asked."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from service.app.required_settings import lacking_settings
from service.domain.diagnosis import CheckResult
from service.redaction import has_url_credentials
from service.settings import Settings

__all__ = ["check_settings"]

_FOR_BUILDPACKS: Final = ("BP_", "BPE_", "CONDA_", "PIP_", "POETRY_", "UV_")
"""How names begin that are for buildpacks and what they run."""


def check_settings(settings: Settings) -> Sequence[CheckResult]:
    """See that nothing lacks, and that what is named can be of use."""
    lacking = list(_lacking(settings))
    found = lacking or [CheckResult.ok("settings", "complete")]
    if settings.builder != "kubernetes":
        return found
    chosen = settings.kubernetes
    return [
        *found,
        *_registry_config(chosen.registry_config),
        *_unseen(chosen.environment),
        *_telling("RELAUNCH_KUBERNETES_ENVIRONMENT", chosen.environment),
        *_telling("RELAUNCH_KUBERNETES_VARIABLES", chosen.variables),
    ]


def _lacking(settings: Settings) -> Iterator[CheckResult]:
    for seen in lacking_settings(settings, role="consume"):
        if seen.startswith(("RELAUNCH_LAUNCHERS", "RELAUNCH_RENKU")):
            yield CheckResult.failed("settings", seen, "docs/renku.md, Settings")
        elif seen.startswith("RELAUNCH_BUILDER"):
            yield CheckResult.failed("settings", seen, "docs/kubernetes.md, Settings")
        else:
            yield CheckResult.warning(
                "settings", seen, "nothing to do where relaunch dev is all that runs"
            )


def _registry_config(path: Path | None) -> Iterator[CheckResult]:
    """See that the credentials for registries can be read; of them, only the hosts."""
    if path is None:
        return
    subject = f"credentials {path}"
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        hosts = sorted(read.get("auths") or {})
    except OSError as exc:
        seen = f"cannot be read: {exc.strerror}"
    except (ValueError, AttributeError, TypeError):
        seen = "is no config.json of Docker's: an object with `auths`"
    else:
        known = ", ".join(str(host) for host in hosts)
        yield CheckResult.ok(subject, f"for {known or 'no registry'}")
        return
    advice = (
        "correct RELAUNCH_KUBERNETES_REGISTRY_CONFIG; `docker login` writes such a file"
    )
    yield CheckResult.failed(subject, seen, advice)


def _unseen(environment: Mapping[str, str]) -> Iterator[CheckResult]:
    """Name variables that no buildpack ever sees.

    https://github.com/buildpacks/lifecycle/blob/main/env/build.go clears what phases
    have themselves, but for proxies and a few others.
    """
    names = [name for name in environment if name.startswith(_FOR_BUILDPACKS)]
    if names:
        yield CheckResult.warning(
            "RELAUNCH_KUBERNETES_ENVIRONMENT",
            f"no buildpack sees {', '.join(names)}: its lifecycle clears them",
            "put them into RELAUNCH_KUBERNETES_VARIABLES",
        )


def _telling(setting: str, variables: Mapping[str, str]) -> Iterator[CheckResult]:
    names = [name for name, item in variables.items() if has_url_credentials(item)]
    if names:
        yield CheckResult.warning(
            setting,
            f"{', '.join(names)}: a URL with credentials, which the code of every "
            "repository can read",
            "let an index or a proxy inside your network add them",
        )
