"""Courses: a repository each, that a launcher follows and a hook speaks for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.repos import Content, Repo
from tests.support.service import Service
from tests.support.wheels import a_wheel

__all__ = ["Course", "a_bare_course", "a_course"]


@dataclass
class Course:
    """A repository, its launcher and its hook, with all that was accepted."""

    name: str
    repo: Repo
    launcher: dict[str, Any]
    hook: dict[str, Any]
    version: int = 1
    accepted: list[str] = field(default_factory=list)
    generations: list[int] = field(default_factory=list)

    def push(self, version: int) -> str:
        """Define another environment; return the commit."""
        self.version = version
        wheel = f"wheels/{self.name}-{version}.0-py3-none-any.whl"
        files: dict[str, Content] = {
            "requirements.txt": f"./{wheel}\n",
            wheel: a_wheel(self.name, f"{version}.0"),
        }
        return self.repo.commit(files, message=f"version {version}")


def a_course(service: Service, folder: Path, name: str) -> Course:
    """Follow a repository whose environment is built from nothing but itself."""
    repo = Repo(folder / f"{name}.git")
    course = Course(name=name, repo=repo, launcher={}, hook={})
    course.push(1)
    return _followed(course, service)


def a_bare_course(service: Service, folder: Path) -> Course:
    """Follow a repository that nothing is built from."""
    repo = Repo(folder / "bare.git")
    repo.commit({"README.md": "nothing to install"})
    return _followed(Course(name="bare", repo=repo, launcher={}, hook={}), service)


def _followed(course: Course, service: Service) -> Course:
    course.launcher = service.follow(course.repo.url, course.name)
    body = {"repository": course.repo.url, "forge": "github"}
    course.hook = service.api("POST", "/hooks", body)
    return course
