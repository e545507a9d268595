"""Every setting, in one typed tree.

Settings come from the environment (`RELAUNCH_LISTEN`, `RELAUNCH_BUILD_DEADLINE`;
secrets also as `…_FILE`, the path of a file that holds the value), then from the
TOML file that `RELAUNCH_CONFIG` names, then from the defaults below.
"""

from service.settings.forges import ForgeKind, ForgeSettings
from service.settings.loading import OTHERS, load, passed_to_builds
from service.settings.problems import describe_problems
from service.settings.section import PREFIX, Section
from service.settings.serving import AmqpSettings, LogSettings
from service.settings.tree import Settings

__all__ = [
    "OTHERS",
    "PREFIX",
    "AmqpSettings",
    "ForgeKind",
    "ForgeSettings",
    "LogSettings",
    "Section",
    "Settings",
    "describe_problems",
    "load",
    "passed_to_builds",
]
