"""What the stand-in of Renku knows: rows of its database, objects of its cluster.

Each rule names where it stands in renku-data-services (RDS), components of
https://github.com/SwissDataScienceCenter/renku-data-services .
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from service.adapters.clock import UlidIds
from tests.support.repos import Repo

NOT_BUILT = "image:unknown-at-the-moment"
"""`session/models.py`, BUILD_ENVIRONMENT_CONFIGS."""


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - its own clock, not ours


@dataclass(slots=True)
class BuildRun:
    """The object in the cluster; `session/k8s_client.py` reads it when it is asked."""

    commit: str
    """What Shipwright cloned."""
    is_complete: bool = False
    """Whether it has a completionTime."""
    failure: str | None = None
    """The reason of its condition, when it failed."""
    log: str = "installing\ndone"


@dataclass(slots=True)
class Build:
    """A row of `builds`; `session/orm.py`."""

    id: str
    environment: "Environment"
    created_at: datetime
    status: str = "in_progress"
    run: BuildRun | None = None
    """None once its time to live is over: the chart says 24 h, the code 5 min."""
    completed_at: datetime | None = None
    error_reason: str | None = None
    commit: str = ""

    @property
    def image(self) -> str:
        return f"registry.renku.test/renku-build:renku-{self.id.lower()}"

    def refresh(self) -> None:
        """Take over what the cluster shows: `session/db.py`, `_refresh_build`.

        Only when somebody asks for the build; no task of RDS does.
        """
        if self.status != "in_progress":
            return  # a row that says `cancelled` is never read again
        if self.run is None:
            # `update_image_build_status`: not found is failed, without a reason.
            self.status = "failed"
            return
        if not self.run.is_complete:
            return
        if self.run.failure is not None:
            self.status, self.error_reason = "failed", self.run.failure
            return
        self.status, self.completed_at = "succeeded", now()
        self.commit = self.run.commit or "unknown"
        # In the same transaction.
        self.environment.image = self.image

    def body(self) -> dict[str, Any]:
        """`Build` of `session/api.spec.yaml`; null fields are absent."""
        shown: dict[str, Any] = {
            "id": self.id,
            "environment_id": self.environment.id,
            "created_at": _iso(self.created_at),
            "status": self.status,
        }
        if self.error_reason is not None:
            shown["error_reason"] = self.error_reason
        if self.status == "succeeded" and self.completed_at is not None:
            shown["result"] = {
                "image": self.image,
                "completed_at": _iso(self.completed_at),
                "repository_url": self.environment.parameters["repository"],
                "repository_git_commit_sha": self.commit,
            }
        return shown


@dataclass(slots=True)
class Environment:
    """A CUSTOM environment that is built from code."""

    id: str
    name: str
    parameters: dict[str, Any]
    repo: Repo
    """Where Shipwright clones from."""
    image: str = NOT_BUILT
    builds: list[Build] = field(default_factory=list)
    """Newest first."""
    cannot_start: str = ""
    """Why a build cannot be started (1512); empty when it can."""

    def body(self) -> dict[str, Any]:
        """`EnvironmentGetInLauncher` of `session/api.spec.yaml`."""
        return {
            "id": self.id,
            "name": self.name,
            "description": f"Generated environment for {self.name}",
            "creation_date": _iso(now()),
            "container_image": self.image,
            "default_url": "/",
            "uid": 1000,
            "gid": 1000,
            "port": 8888,
            "working_directory": "/home/renku/work",
            "mount_directory": "/home/renku/work",
            "is_archived": False,
            "strip_path_prefix": False,
            "environment_kind": "CUSTOM",
            "environment_image_source": "build",
            "build_parameters": self.parameters,
        }


@dataclass(slots=True)
class Launcher:
    """A session launcher."""

    id: str
    project_id: str
    name: str
    environment: Environment

    def body(self) -> dict[str, Any]:
        """`SessionLauncher` of `session/api.spec.yaml`."""
        return {
            "id": self.id,
            "project_id": self.project_id,
            "name": self.name,
            "creation_date": _iso(now()),
            "environment": self.environment.body(),
            "launcher_type": "interactive",
        }


@dataclass(slots=True)
class Project:
    """A project."""

    id: str
    slug: str
    is_private: bool = True
    launchers: list[Launcher] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        """`Project` of `project/api.spec.yaml`."""
        return {
            "id": self.id,
            "name": self.slug.title(),
            "namespace": "ada",
            "slug": self.slug,
            "creation_date": _iso(now()),
            "created_by": "ada-1",
            "repositories": [
                launcher.environment.parameters["repository"]
                for launcher in self.launchers
            ],
            "visibility": "private" if self.is_private else "public",
            "etag": '"0123456789ABCDEF0123456789ABCDEF"',
            "keywords": [],
            "is_template": False,
            "secrets_mount_directory": "/secrets",
        }


def new_id() -> str:
    return UlidIds().new()


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
