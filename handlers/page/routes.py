"""Every page: its path, and what a person needs to be allowed."""

from typing import Final

from handlers.page.keys import CALLBACK, SIGN_IN_PATH
from handlers.page.views.confirm import (
    confirm_drop,
    confirm_hook_removal,
    confirm_launcher_removal,
    confirm_retiring,
    confirm_roll_back,
)
from handlers.page.views.connect import connect_launcher, show_connect
from handlers.page.views.create import show_form, submit_form
from handlers.page.views.home import show_home, show_project, stream_launchers
from handlers.page.views.hook_parts import stream_hook
from handlers.page.views.hooks import (
    check_hook,
    list_hooks,
    remove_hook,
    replay_delivery,
    retire_secret,
    rotate_secret,
    show_hook,
    test_hook,
)
from handlers.page.views.launcher import (
    cancel_build,
    pin_launcher,
    rebuild_launcher,
    remove_launcher,
    roll_back_launcher,
    show_launcher,
    stream_launcher,
    unpin_launcher,
    update_launcher,
)
from handlers.page.views.log import download_log, show_build, stream_log
from handlers.page.views.operation import (
    drop_letter,
    requeue_letter,
    show_operation,
    show_storage,
    stream_operation,
)
from handlers.page.views.provider import begin_at_provider, finish_at_provider
from handlers.page.views.sign_in import (
    show_sign_in,
    show_signed_out,
    sign_in,
    sign_out,
)
from handlers.page.views.static import show_asset
from handlers.page.views.why import explain_anything, explain_launcher, explain_named
from handlers.route import Handler, MediaType, Route
from service.domain.rights.decision import Permission

__all__ = ["PAGES"]

OPEN: Final = Permission.OPEN
ANYONE: Final = Permission.ANYONE
USER: Final = Permission.USER
VIEWER: Final = Permission.VIEWER
EDITOR: Final = Permission.EDITOR
ADMIN: Final = Permission.ADMIN


def _page(path: str, handler: Handler, needs: Permission) -> Route:
    return Route(
        method="GET", path=path, handler=handler, answer=MediaType.HTML, needs=needs
    )


def _form(path: str, handler: Handler, needs: Permission) -> Route:
    return Route(
        method="POST", path=path, handler=handler, answer=MediaType.HTML, needs=needs
    )


def _live(path: str, handler: Handler, needs: Permission) -> Route:
    return Route(
        method="GET",
        path=f"/live{path}",
        handler=handler,
        answer=MediaType.STREAM,
        needs=needs,
    )


PAGES: Final[tuple[Route, ...]] = (
    _page("/", show_home, ANYONE),
    _live("/launchers", stream_launchers, ANYONE),
    _page("/projects/{project_id}", show_project, VIEWER),
    _live("/projects/{project_id}/launchers", stream_launchers, VIEWER),
    _page("/create", show_form, USER),
    _form("/create", submit_form, USER),
    _page("/launchers/{launcher_id}", show_launcher, VIEWER),
    _page("/launchers/{launcher_id}/connect", show_connect, EDITOR),
    _form("/launchers/{launcher_id}/connect", connect_launcher, EDITOR),
    _page("/hooks", list_hooks, USER),
    _page("/hooks/{hook_id}", show_hook, EDITOR),
    _live("/hooks/{hook_id}", stream_hook, EDITOR),
    _form("/hooks/{hook_id}/check", check_hook, EDITOR),
    _form("/hooks/{hook_id}/test", test_hook, EDITOR),
    _form("/hooks/{hook_id}/rotate", rotate_secret, EDITOR),
    _page("/hooks/{hook_id}/retire", confirm_retiring, EDITOR),
    _form("/hooks/{hook_id}/retire", retire_secret, EDITOR),
    _page("/hooks/{hook_id}/remove", confirm_hook_removal, EDITOR),
    _form("/hooks/{hook_id}/remove", remove_hook, EDITOR),
    _form("/deliveries/{delivery_id}/replay", replay_delivery, EDITOR),
    _page("/operation", show_operation, ADMIN),
    _page("/operation/storage", show_storage, ADMIN),
    _live("/operation", stream_operation, ADMIN),
    _form("/operation/dead-letters/{letter_id}/requeue", requeue_letter, ADMIN),
    _page("/operation/dead-letters/{letter_id}/drop", confirm_drop, ADMIN),
    _form("/operation/dead-letters/{letter_id}/drop", drop_letter, ADMIN),
    _live("/launchers/{launcher_id}", stream_launcher, VIEWER),
    _page("/launchers/{launcher_id}/why", explain_launcher, VIEWER),
    _form("/launchers/{launcher_id}/rebuild", rebuild_launcher, EDITOR),
    _form("/launchers/{launcher_id}/cancel", cancel_build, EDITOR),
    _form("/launchers/{launcher_id}/update", update_launcher, EDITOR),
    _form("/launchers/{launcher_id}/pin", pin_launcher, EDITOR),
    _form("/launchers/{launcher_id}/unpin", unpin_launcher, EDITOR),
    _page("/launchers/{launcher_id}/roll-back", confirm_roll_back, EDITOR),
    _form("/launchers/{launcher_id}/roll-back", roll_back_launcher, EDITOR),
    _page("/launchers/{launcher_id}/remove", confirm_launcher_removal, EDITOR),
    _form("/launchers/{launcher_id}/remove", remove_launcher, EDITOR),
    _page("/builds/{build_id}", show_build, VIEWER),
    _page("/builds/{build_id}/log.txt", download_log, VIEWER),
    _live("/builds/{build_id}/log", stream_log, VIEWER),
    _page("/why", explain_named, ANYONE),
    _form("/why", explain_anything, ANYONE),
    _page(SIGN_IN_PATH, show_sign_in, OPEN),
    _form(SIGN_IN_PATH, sign_in, OPEN),
    _page(f"{SIGN_IN_PATH}/provider", begin_at_provider, OPEN),
    _page(CALLBACK, finish_at_provider, OPEN),
    _form("/sign-out", sign_out, OPEN),
    _page(f"{SIGN_IN_PATH}/ended", show_signed_out, OPEN),
    _page("/static/{name:.+}", show_asset, OPEN),
)
