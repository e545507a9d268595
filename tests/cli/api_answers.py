"""Answers of the REST API, as the service writes them: from its own models."""

import json

from handlers.api.schemas.builds import BuildDetails
from handlers.api.schemas.launchers import LauncherDetails
from handlers.api.schemas.models import ResponseModel

START = "2026-03-01T12:00:00Z"
ENVIRONMENT = {
    "id": f"01E{1:023d}",
    "name": "course",
    "creation_date": START,
    "container_image": "image:unknown-at-the-moment",
    "default_url": "/lab",
    "port": 8888,
    "uid": 1000,
    "gid": 1000,
    "is_archived": False,
    "strip_path_prefix": False,
    "environment_kind": "CUSTOM",
    "environment_image_source": "build",
    "build_parameters": {
        "repository": "https://github.com/me/course",
        "builder_variant": "python",
        "frontend_variant": "jupyterlab",
        "platforms": ["linux/amd64"],
    },
}
READY_IMAGE = {
    **ENVIRONMENT,
    "environment_image_source": "image",
    "container_image": "some:tag",
    "build_parameters": None,
}


def ulid(number: int) -> str:
    return f"01J{number:023d}"


def a_launcher(number: int = 1, **changes: object) -> dict[str, object]:
    usual = {
        "id": ulid(number),
        "project_id": ulid(0),
        "name": "course",
        "creation_date": START,
        "environment": ENVIRONMENT,
        "launcher_type": "interactive",
        "update_policy": "automatic",
        "rebuild_schedule": "never",
        "generation": 1,
        "outdated": False,
    }
    return _written(LauncherDetails, usual | changes)


def a_build(number: int = 1, **changes: object) -> dict[str, object]:
    usual = {
        "id": ulid(number),
        "environment_id": ENVIRONMENT["id"],
        "created_at": START,
        "status": "in_progress",
        "launcher_id": ulid(1),
        "source_id": ulid(2),
        "state": "running",
        "reason": "push",
    }
    return _written(BuildDetails, usual | changes)


def as_json(*answers: object) -> list[bytes]:
    return [json.dumps(answer).encode() for answer in answers]


def _written(model: type[ResponseModel], fields: object) -> dict[str, object]:
    text = model.model_validate_json(json.dumps(fields)).model_dump_json(
        exclude_none=True
    )
    written: dict[str, object] = json.loads(text)
    return written
