"""List every forge whose webhooks are taken; all else reads this table.

The endpoint chooses the forge, never what was sent: a Gitea sends GitHub's headers,
too.
"""

from collections.abc import Mapping
from typing import Final

from service.domain.delivery import Forge
from service.forges import bitbucket, gitea, github, gitlab
from service.forges.spec import ForgeSpec

__all__ = ["FORGES"]

FORGES: Final[Mapping[Forge, ForgeSpec]] = {
    Forge.GITHUB: github.SPEC,
    Forge.GITLAB: gitlab.SPEC,
    Forge.BITBUCKET: bitbucket.SPEC,
    Forge.GITEA: gitea.SPEC,
}
