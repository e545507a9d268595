"""How each vendor says no, and what it tells of budgets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from tests.support.forge import answers
from tests.support.forge.answers import ApiError
from tests.support.forge.limits import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One vendor's way to answer."""

    error: Callable[[ApiError], web.Response]
    unauthorized: str
    not_found: str
    limited: Callable[[Budget, int, int], web.Response]
    """Given what is left, the time, and the status that was ordered."""
    budget_headers: Callable[[Budget], Mapping[str, str]]
    is_conditional: bool
    is_304_free: bool


def _github_budget(budget: Budget) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(budget.allowance),
        "X-RateLimit-Remaining": str(max(0, budget.remaining)),
        "X-RateLimit-Used": str(budget.used),
        "X-RateLimit-Reset": str(budget.reset),
        "X-RateLimit-Resource": "core",
    }


def _github_limited(budget: Budget, now: int, status: int) -> web.Response:
    del now
    message = "API rate limit exceeded for user ID 1."
    return answers.github_error(
        ApiError(status, message, headers=_github_budget(budget))
    )


def _gitlab_budget(budget: Budget) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(budget.allowance),
        "RateLimit-Name": "throttle_authenticated_api",
        "RateLimit-Observed": str(budget.used),
        "RateLimit-Remaining": str(max(0, budget.remaining)),
        "RateLimit-Reset": str(budget.reset),
    }


def _gitlab_limited(budget: Budget, now: int, status: int) -> web.Response:
    del status
    wait = {"Retry-After": str(max(1, budget.reset - now))}
    error = ApiError(429, "Retry later", headers=_gitlab_budget(budget) | wait)
    return answers.gitlab_error(error)


def _gitea_limited(budget: Budget, now: int, status: int) -> web.Response:
    del status
    wait = {"Retry-After": str(max(1, budget.reset - now))}
    return answers.gitea_error(ApiError(429, "Too Many Requests", headers=wait))


WORDING: Final = {
    "github": Wording(
        error=answers.github_error,
        unauthorized="Bad credentials",
        not_found="Not Found",
        limited=_github_limited,
        budget_headers=_github_budget,
        is_conditional=True,
        is_304_free=True,
    ),
    "gitlab": Wording(
        error=answers.gitlab_error,
        unauthorized="401 Unauthorized",
        not_found="404 Not Found",
        limited=_gitlab_limited,
        budget_headers=_gitlab_budget,
        is_conditional=True,
        is_304_free=False,
    ),
    "gitea": Wording(
        error=answers.gitea_error,
        unauthorized="invalid username, password or token",
        not_found="The target couldn't be found.",
        limited=_gitea_limited,
        budget_headers=lambda _: {},
        is_conditional=False,
        is_304_free=False,
    ),
}
