"""List every kind of definition; the order is the precedence.

The order is the buildpacks': their groups look for `Pipfile`, `requirements.txt`,
`package-list.txt` or `environment.yml`, a pyproject.toml for poetry, and `uv.lock`, in
this order, and the first one that matches builds. Kinds that a file's name decides
stand before those that claim a pyproject.toml by what is in it.
"""

from typing import Final

from service.definitions.kinds import conda, pip, pipenv, poetry, uv
from service.definitions.kinds.spec import KindSpec
from service.domain.definition import Kind

__all__ = ["KINDS", "kind_spec"]

KINDS: Final[tuple[KindSpec, ...]] = (
    pipenv.SPEC,
    pip.SPEC,
    conda.SPEC,
    poetry.SPEC,
    uv.SPEC,
)

_BY_KIND: Final = {spec.kind: spec for spec in KINDS}


def kind_spec(kind: Kind) -> KindSpec:
    """Return what reading knows of a kind."""
    return _BY_KIND[kind]
