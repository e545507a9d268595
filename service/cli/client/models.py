"""The models of what the service answers, each loaded when it is first named.

They are those of `handlers/api/schemas`, which make the answers. pydantic takes half a
second, and the help text of a command needs none of them: so commands name them as
`models.HookResponse`, and in annotations within quotes.
"""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from handlers.api.schemas.builds import (
        BuildDetails,
        BuildOptionsResponse,
        LogLineResponse,
        WaitingResponse,
    )
    from handlers.api.schemas.dead_letters import DeadLetterResponse
    from handlers.api.schemas.deliveries import DeliveryResponse
    from handlers.api.schemas.explanations import Explanation
    from handlers.api.schemas.hooks import HookResponse, NewHook
    from handlers.api.schemas.launchers import LauncherDetails
    from handlers.api.schemas.projects.repositories import LinkedRepositoryResponse
    from handlers.api.schemas.projects.tokens import (
        NewTokenResponse,
        SignInLink,
        TokenResponse,
    )
    from handlers.api.schemas.receipts import Ready, ReceiptResponse
    from handlers.api.schemas.renku.builds import BuildLogs
    from handlers.api.schemas.renku.environment_responses import Environment
    from handlers.api.schemas.renku.platform import PoolResponse, RepositoryInfo
    from handlers.api.schemas.retries import RetriedResponse, RetriesResponse
    from handlers.api.schemas.service import ErrorResponse, Version
    from handlers.api.schemas.simulations import Simulation
    from handlers.api.schemas.sources import EvaluationResponse
    from handlers.api.schemas.status import (
        BacklogResponse,
        QueueResponse,
        StatusResponse,
    )
    from handlers.api.schemas.updates.pauses import PauseResponse
    from handlers.api.schemas.usage import (
        ProjectUsageResponse,
        StoredPartResponse,
        UnusedImageResponse,
        UsageResponse,
    )

__all__ = [
    "BacklogResponse",
    "BuildDetails",
    "BuildLogs",
    "BuildOptionsResponse",
    "DeadLetterResponse",
    "DeliveryResponse",
    "Environment",
    "ErrorResponse",
    "EvaluationResponse",
    "Explanation",
    "HookResponse",
    "LauncherDetails",
    "LinkedRepositoryResponse",
    "LogLineResponse",
    "NewHook",
    "NewTokenResponse",
    "PauseResponse",
    "PoolResponse",
    "ProjectUsageResponse",
    "QueueResponse",
    "Ready",
    "ReceiptResponse",
    "RepositoryInfo",
    "RetriedResponse",
    "RetriesResponse",
    "SignInLink",
    "Simulation",
    "StatusResponse",
    "StoredPartResponse",
    "TokenResponse",
    "UnusedImageResponse",
    "UsageResponse",
    "Version",
    "WaitingResponse",
]

_MODULES: Final[Mapping[str, str]] = {
    "BacklogResponse": "status",
    "BuildDetails": "builds",
    "BuildLogs": "renku.builds",
    "BuildOptionsResponse": "builds",
    "DeadLetterResponse": "dead_letters",
    "DeliveryResponse": "deliveries",
    "Environment": "renku.environment_responses",
    "ErrorResponse": "service",
    "EvaluationResponse": "sources",
    "Explanation": "explanations",
    "HookResponse": "hooks",
    "LauncherDetails": "launchers",
    "LinkedRepositoryResponse": "projects.repositories",
    "LogLineResponse": "builds",
    "NewHook": "hooks",
    "NewTokenResponse": "projects.tokens",
    "PauseResponse": "updates.pauses",
    "PoolResponse": "renku.platform",
    "ProjectUsageResponse": "usage",
    "QueueResponse": "status",
    "Ready": "receipts",
    "ReceiptResponse": "receipts",
    "RepositoryInfo": "renku.platform",
    "RetriedResponse": "retries",
    "RetriesResponse": "retries",
    "SignInLink": "projects.tokens",
    "Simulation": "simulations",
    "StatusResponse": "status",
    "StoredPartResponse": "usage",
    "TokenResponse": "projects.tokens",
    "UnusedImageResponse": "usage",
    "UsageResponse": "usage",
    "Version": "service",
    "WaitingResponse": "builds",
}
"""Their modules in `handlers/api/schemas`."""

if not TYPE_CHECKING:
    # Hidden from mypy, to which it would make every name a model.
    def __getattr__(name: str) -> type:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"handlers.api.schemas.{_MODULES[name]}")
        return getattr(module, name)
