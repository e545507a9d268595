"""A launcher as a row, and back."""

from dataclasses import asdict

from service.adapters.store.statements import Row, Values
from service.domain.building.build import EnvironmentId
from service.domain.building.environment import EnvironmentKind, SessionSettings
from service.domain.launcher import (
    Launcher,
    LauncherId,
    RebuildSchedule,
    UpdatePolicy,
)

__all__ = ["launcher_from_row", "launcher_to_row"]


def launcher_to_row(launcher: Launcher) -> Values:
    """Return the columns of a launcher."""
    variables = launcher.env_variables
    return {
        "id": launcher.id,
        "project_id": launcher.project_id,
        "name": launcher.name,
        "environment_id": launcher.environment_id,
        "source_id": launcher.source_id,
        "builder": launcher.builder,
        "frontend": launcher.frontend,
        "platform": launcher.platform,
        "policy": launcher.policy.value,
        "created_at": launcher.created_at,
        "description": launcher.description,
        "launcher_type": launcher.launcher_type,
        "resource_class_id": launcher.resource_class_id,
        "disk_storage": launcher.disk_storage,
        "env_variables": None if variables is None else dict(variables),
        "command": list(launcher.command),
        "args": list(launcher.args),
        "wanted_key": launcher.wanted_key,
        "wanted_generation": launcher.wanted_generation,
        "wanted_builder": launcher.wanted_builder,
        "held_key": launcher.held_key,
        "held_until": launcher.held_until,
        "generation": launcher.generation,
        "image": launcher.image,
        "image_key": launcher.image_key,
        "available_generation": launcher.available_generation,
        "available_image": launcher.available_image,
        "available_key": launcher.available_key,
        "rebuild_schedule": launcher.schedule.value,
        "is_pinned": launcher.is_exact,
        "pinned_at": launcher.pinned_at,
        "built_at": launcher.built_at,
        "environment_kind": launcher.kind.value,
        "global_environment_id": launcher.global_environment_id,
        "repository": launcher.repository,
        "environment": {
            "name": launcher.environment_name,
            "description": launcher.environment_description,
            "is_archived": launcher.is_archived,
            "settings": asdict(launcher.settings),
        },
    }


def launcher_from_row(row: Row) -> Launcher:
    """Read a launcher; rows of versions before lack what came later."""
    # Rows of versions before know nothing of their environment.
    environment = row["environment"] or {}
    return Launcher(
        id=LauncherId(row["id"]),
        project_id=row["project_id"],
        name=row["name"],
        environment_id=EnvironmentId(row["environment_id"]),
        source_id=row["source_id"],
        builder=row["builder"],
        frontend=row["frontend"],
        platform=row["platform"],
        policy=UpdatePolicy(row["policy"]),
        created_at=row["created_at"],
        description=row["description"],
        launcher_type=row["launcher_type"],
        resource_class_id=row["resource_class_id"],
        disk_storage=row["disk_storage"],
        env_variables=row["env_variables"],
        command=tuple(row["command"]),
        args=tuple(row["args"]),
        wanted_key=row["wanted_key"],
        wanted_generation=row["wanted_generation"],
        wanted_builder=row["wanted_builder"],
        held_key=row["held_key"],
        held_until=row["held_until"],
        generation=row["generation"],
        image=row["image"],
        image_key=row["image_key"],
        available_generation=row["available_generation"],
        available_image=row["available_image"],
        available_key=row["available_key"],
        schedule=RebuildSchedule(row["rebuild_schedule"]),
        is_exact=row["is_pinned"],
        pinned_at=row["pinned_at"],
        built_at=row["built_at"],
        kind=EnvironmentKind(row["environment_kind"]),
        global_environment_id=row["global_environment_id"],
        repository=row["repository"],
        environment_name=environment.get("name"),
        environment_description=environment.get("description"),
        is_archived=environment.get("is_archived", False),
        settings=SessionSettings(**environment.get("settings", {})),
    )
