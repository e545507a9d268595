"""Webhooks: what a user gives to get one, and what they paste where."""

from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from handlers.api.schemas.models import Line, RequestModel, ResponseModel
from service.domain.delivery import Forge
from service.domain.hook import Proof
from service.forges.registry import FORGES

__all__ = ["HealthResponse", "HookRequest", "HookResponse", "LastDelivery", "NewHook"]

ReachWord = Literal["repository", "owner", "host"]


_OFFERS: Final = "; ".join(
    " or ".join(f"`{proof.value}`" for proof in spec.proofs) + f" for {spec.name}"
    for spec in FORGES.values()
)


class HookRequest(RequestModel):
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
        description="Answer what to paste, even where a token could make the hook.",
    )
    forge: Forge | None = Field(
        default=None, description="Taken from the host where that is clear."
    )
    proof: Proof | None = Field(
        default=None,
        description=f"How deliveries prove themselves: {_OFFERS}. The forge's "
        "strongest when not given.",
    )


class LastDelivery(ResponseModel):
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


class HealthResponse(ResponseModel):
    """The health of a hook at its last check."""

    checked_at: datetime
    reasons: tuple[str, ...] = Field(
        description="Machine words, such as `gone` or `paused`; none when it is well."
    )
    message: str
    remedy: str = Field(
        description="What a person does about it; empty when it is well."
    )
    since: datetime | None = None
    repaired: tuple[str, ...] = Field(
        description="What was put right at the forge by this check."
    )
    redelivered: int = Field(
        description="Lost deliveries that were sent again by this check."
    )
    trouble: str = Field(
        description="Why the forge could not be asked, or did not change the hook."
    )


class HookResponse(ResponseModel):
    """A hook; its secrets stay away."""

    id: str
    forge: Forge
    proof: Proof
    repository: str
    reach: ReachWord
    managed: bool = Field(description="Whether a token may change it at the forge.")
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
    health: HealthResponse | None = None
    last_delivery: LastDelivery | None = None
    created_at: datetime
    rotated_at: datetime | None = None


class NewHook(HookResponse):
    """A hook with its newest secret, which is shown this once."""

    shows_secret: ClassVar[bool] = True
    secret: str | None = Field(
        default=None, description="Absent when it was given to the forge itself."
    )
    at_forge: bool = Field(
        description="Whether the hook is as it has to be at the forge; otherwise the "
        "instructions say what to paste."
    )
    instructions: tuple[str, ...]
