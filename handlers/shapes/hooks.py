"""Webhooks: what a user gives to get one, and what they paste where."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from handlers.shapes.strict import Given, Line, Told

__all__ = ["HookPost", "HookTold", "LastDelivery", "NewHook"]

ForgeWord = Literal["github", "gitlab"]
ProofWord = Literal["hmac", "signing_token", "secret_token"]


class HookPost(Given):
    """A new hook."""

    repository: Annotated[Line, Field(min_length=1, max_length=500)]
    forge: ForgeWord | None = Field(
        default=None, description="Told by the host where that is clear."
    )
    proof: ProofWord | None = Field(
        default=None,
        description="How deliveries prove themselves; `hmac` for GitHub, "
        "`signing_token` (GitLab 19.1 and newer) or `secret_token` for GitLab.",
    )


class LastDelivery(Told):
    """The newest delivery of a hook."""

    id: str
    received_at: datetime
    status: str
    reason: str
    event: str


class HookTold(Told):
    """A hook; its secrets stay away."""

    id: str
    forge: ForgeWord
    proof: ProofWord
    repository: str
    url: str = Field(description="What to paste at the forge.")
    content_type: Literal["application/json"] = "application/json"
    events: tuple[str, ...] = Field(description="What to tick at the forge.")
    secrets: int = Field(description="How many live; 2 while one is rotated out.")
    status: Literal["waiting for first delivery", "connected", "refusing deliveries"]
    last_delivery: LastDelivery | None = None
    created_at: datetime
    rotated_at: datetime | None = None


class NewHook(HookTold):
    """A hook with its newest secret, which is shown this once."""

    secret: str
    instructions: tuple[str, ...]
