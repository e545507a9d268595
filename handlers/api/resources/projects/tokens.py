"""API tokens of the caller, and who the caller is."""

from http import HTTPStatus

from aiohttp import web

from handlers.api.requests import read_body, ulid
from handlers.api.responses import json_response, no_content, page_of, paginated
from handlers.api.schemas.projects.tokens import (
    NewTokenResponse,
    SignInLink,
    TokenPost,
    TokenResponse,
    UserResponse,
)
from handlers.app_keys import CLOCK, SIGN_IN, TOKENS
from handlers.auth import caller_of
from service.domain.rights.caller import MemberRole, ProjectId
from service.domain.rights.token import TokenId
from service.usecases.rights.sign_in import CODE_LIFE
from service.usecases.rights.tokens import NewToken

__all__ = [
    "add_sign_in_link",
    "add_token",
    "list_tokens",
    "revoke_token",
    "show_user",
]


async def list_tokens(request: web.Request) -> web.Response:
    """List the caller's tokens, newest first; an administrator sees all."""
    wanted = page_of(request)
    found = await request.app[TOKENS].list(caller_of(request), wanted)
    shown = [TokenResponse.of(token) for token in found]
    return paginated(request, wanted, shown, found.total)


async def add_token(request: web.Request) -> web.Response:
    """Add a token; its text is shown in this answer and never again."""
    asked = await read_body(request, TokenPost)
    only = asked.projects
    new = NewToken(
        name=asked.name,
        role=MemberRole(asked.role),
        projects=None if only is None else [ProjectId(each) for each in only],
        is_admin=asked.admin,
        life=asked.life,
    )
    token, text = await request.app[TOKENS].add(caller_of(request), new)
    return json_response(
        NewTokenResponse.with_text(token, text.reveal()), status=HTTPStatus.CREATED
    )


async def revoke_token(request: web.Request) -> web.Response:
    """Revoke a token: from now on it opens nothing."""
    token_id = TokenId(ulid(request, "token_id", what="Token"))
    await request.app[TOKENS].revoke(caller_of(request), token_id)
    return no_content()


async def add_sign_in_link(request: web.Request) -> web.Response:
    """Make a link that signs the caller in to the web page, once."""
    now = request.app[CLOCK].now()
    code = await request.app[SIGN_IN].issue_code(caller_of(request))
    link = SignInLink(path=f"/sign-in?code={code.reveal()}", expires_at=now + CODE_LIFE)
    return json_response(link, status=HTTPStatus.CREATED)


async def show_user(request: web.Request) -> web.Response:
    """Show who the caller is."""
    caller = caller_of(request)
    assert caller.user is not None  # the route needs a credential
    return json_response(UserResponse.of(caller.user, is_admin=caller.may_administer))
