"""Conda: environment.yml, or a list of packages that wins over it.

Where conda builds, it reads package-list.txt and nothing else as soon as that is there:
https://github.com/paketo-buildpacks/conda-env-update/blob/main/conda_runner.go
"""

from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.conda.closure import follow_conda
from service.definitions.conda.package_list import follow_package_list
from service.definitions.kinds.spec import Choice, KindSpec
from service.definitions.queries import Asking
from service.definitions.vendor import follow_conda_vendor
from service.domain.definition import Kind

__all__ = ["SPEC"]

_LIST: Final = "package-list.txt"


def _follow(reading: Reading, choice: Choice) -> Asking[None]:
    """Read the environment file, or the list."""
    follow = follow_package_list if choice.name == _LIST else follow_conda
    yield from follow(reading, choice.found)
    yield from follow_conda_vendor(reading, choice.found)


SPEC: Final = KindSpec(
    kind=Kind.CONDA, names=(_LIST, "environment.yml"), follow=_follow
)
