"""Builds of small repositories that pods can reach."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from service.domain.building.build import Build, BuildKey
from service.domain.definition import Kind
from service.domain.repository import CommitSha
from tests.adapters.local.builds import a_build
from tests.support.githttp import GitForge
from tests.support.repos import Repo

__all__ = ["a_build_at", "a_build_of", "in_pods"]


def a_build_of(
    forge: GitForge, files: Mapping[str, str], kind: Kind = Kind.PIP, **changes: Any
) -> Build:
    """Commit files to a repository of the forge; ask for an image of them."""
    name = uuid.uuid4().hex
    commit = Repo(forge.root / f"{name}.git").commit(files)
    return a_build_at(f"{forge.url}/{name}.git", commit, kind, **changes)


def a_build_at(
    url: str, commit: CommitSha, kind: Kind = Kind.PIP, **changes: Any
) -> Build:
    """Wish for an image of a commit, under an id and a key of its own."""
    mark = uuid.uuid4().hex
    build = a_build((url, commit), kind, id=f"01{mark[:24]}".upper())
    return replace(build, **{"key": BuildKey(mark * 2), **changes})


def in_pods(index: str) -> dict[str, str]:
    """Return the variables of buildpacks with which pip uses an index."""
    host = urlsplit(index).hostname or ""
    return {"PIP_INDEX_URL": index, "PIP_TRUSTED_HOST": host, "PIP_RETRIES": "0"}
