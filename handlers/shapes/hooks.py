"""Webhooks: what a user gives to get one, and what they paste where."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from handlers.shapes.strict import Given, Line, Told

__all__ = ["HealthTold", "HookPost", "HookTold", "LastDelivery", "NewHook"]

ForgeWord = Literal["github", "gitlab"]
ProofWord = Literal["hmac", "signing_token", "secret_token"]
ReachWord = Literal["repository", "owner", "host"]


class HookPost(Given):
    """A new hook."""

    repository: Annotated[
        Line,
        Field(
            min_length=1,
            max_length=500,
            description="Its URL; an owner's or a host's for a hook with such a reach.",
        ),
    ]
    reach: ReachWord = Field(
        default="repository",
        description="What it may speak about: one repository, all of an organisation "
        "or group, or all that a GitHub App or a system hook sends.",
    )
    paste: bool = Field(
        default=False,
        description="Say what to paste, even where a token could make the hook.",
    )
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
    is_by_old_secret: bool = Field(
        default=False,
        description="Whether only the secret that is being rotated out proved it.",
    )


class HealthTold(Told):
    """How a hook fared when it was last looked after."""

    checked_at: datetime
    reasons: tuple[str, ...] = Field(
        description="Machine words, such as `gone` or `paused`; none when it is well."
    )
    message: str
    mend: str = Field(description="What a person does about it; empty when it is well.")
    since: datetime | None = None
    repaired: tuple[str, ...] = Field(
        description="What was put right at the forge by this checkup."
    )
    redelivered: int = Field(
        description="Lost deliveries that were sent again by this checkup."
    )
    trouble: str = Field(description="Why the forge could not be asked, or not mended.")


class HookTold(Told):
    """A hook; its secrets stay away."""

    id: str
    forge: ForgeWord
    proof: ProofWord
    repository: str
    reach: ReachWord
    managed: bool = Field(description="Whether a token may mend it at the forge.")
    forge_hook_id: str | None = Field(
        default=None, description="What the forge calls it, once it was seen there."
    )
    url: str = Field(description="What to paste at the forge.")
    content_type: Literal["application/json"] = "application/json"
    events: tuple[str, ...] = Field(description="What to tick at the forge.")
    secrets: int = Field(description="How many live; 2 while one is rotated out.")
    status: Literal[
        "waiting for first delivery", "connected", "refusing deliveries", "unhealthy"
    ]
    warning: str | None = Field(
        default=None, description="What its owner has to do about its secrets."
    )
    health: HealthTold | None = None
    last_delivery: LastDelivery | None = None
    created_at: datetime
    rotated_at: datetime | None = None


class NewHook(HookTold):
    """A hook with its newest secret, which is shown this once."""

    secret: str | None = Field(
        default=None, description="Absent when it was given to the forge itself."
    )
    at_forge: bool = Field(
        description="Whether the hook is as it has to be at the forge; otherwise the "
        "instructions say what to paste."
    )
    instructions: tuple[str, ...]
