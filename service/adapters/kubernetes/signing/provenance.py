"""Create the provenance of an image: an in-toto Statement with SLSA Provenance.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and
https://slsa.dev/spec/v1.1/provenance. Pure: equal facts give equal bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from service.adapters.kubernetes.manifests.names import plain_url
from service.domain.building.build import Build

__all__ = ["BUILD_TYPE", "SLSA", "ProvenanceFacts", "is_provenance", "to_statement"]

SLSA: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "https://relaunch.dev/build-types/kubernetes/v1"
"""Its parameters are documented in docs/kubernetes.md."""
_STATEMENT: Final = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceFacts:
    """An image and the facts about its build."""

    build: Build
    image: str
    """`host/repository@sha256:<hex>`."""
    builder_image: str
    """By digest when that is known; likewise the run image."""
    run_image: str
    previous_image: str
    """The image whose layers may have been reused; empty for none."""
    started: datetime
    finished: datetime


def to_statement(facts: ProvenanceFacts, *, builder_id: str, version: str) -> bytes:
    """Create the statement about an image, as JSON.

    Args:
        facts: The facts about its build.
        builder_id: The URI of this installation, which verifiers have to trust.
        version: The version of this service.
    """
    statement = {
        "_type": _STATEMENT,
        "subject": [_describe_subject(facts.image)],
        "predicateType": SLSA,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _list_parameters(facts.build),
                "internalParameters": {"key": facts.build.key},
                "resolvedDependencies": _list_dependencies(facts),
            },
            "runDetails": {
                "builder": {"id": builder_id, "version": {"relaunch": version}},
                "metadata": {
                    "invocationId": f"{facts.build.id}/{facts.build.attempt}",
                    "startedOn": _format_time(facts.started),
                    "finishedOn": _format_time(facts.finished),
                },
            },
        },
    }
    return json.dumps(statement, separators=(",", ":"), sort_keys=True).encode()


def is_provenance(statement: bytes) -> bool:
    """Return whether a statement is SLSA provenance."""
    try:
        read = json.loads(statement)
    except ValueError:
        return False
    return isinstance(read, dict) and read.get("predicateType") == SLSA


def _describe_subject(image: str) -> dict[str, Any]:
    name, _, digest = image.partition("@")
    return {"name": name, "digest": _split_digest(digest)}


def _list_parameters(build: Build) -> Mapping[str, str]:
    """Return the parameters that users control; empty ones are left out."""
    parameters = {
        "repository": plain_url(build.repository_url),
        "ref": build.ref or "",
        "commit": build.commit,
        "contextDirectory": build.context_dir,
        "kind": build.kind.value,
        "definition": build.path,
        "builder": build.spec.builder,
        "frontend": build.spec.frontend,
        "platform": build.spec.platform,
    }
    return {name: value for name, value in parameters.items() if value}


def _list_dependencies(facts: ProvenanceFacts) -> Sequence[Mapping[str, Any]]:
    build = facts.build
    at = f"@{build.ref}" if build.ref else ""
    images = {
        "builderImage": facts.builder_image,
        "runImage": facts.run_image,
        "previousImage": facts.previous_image,
    }
    return [
        {
            "name": "source",
            "uri": f"git+{plain_url(build.repository_url)}{at}",
            "digest": {"gitCommit": build.commit},
        },
        *(_describe_image(name, image) for name, image in images.items() if image),
    ]


def _describe_image(name: str, reference: str) -> dict[str, Any]:
    """Describe an image by a package URL, https://github.com/package-url/purl-spec."""
    named, _, digest = reference.partition("@")
    head, slash, last = named.rpartition("/")
    repository, _, tag = last.partition(":")
    version = f"@{quote(digest, safe='')}" if digest else ""
    tag_part = f"&tag={quote(tag, safe='')}" if tag and not digest else ""
    where = f"repository_url={quote(f'{head}{slash}{repository}', safe='/:')}"
    described = {
        "name": name,
        "uri": f"pkg:oci/{repository}{version}?{where}{tag_part}",
    }
    return described | ({"digest": _split_digest(digest)} if digest else {})


def _split_digest(digest: str) -> Mapping[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}


def _format_time(instant: datetime) -> str:
    """Format a time in UTC: https://www.rfc-editor.org/rfc/rfc3339."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
