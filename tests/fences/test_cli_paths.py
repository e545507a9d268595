"""The command line asks below the root where a noun is served."""

from handlers.route import API, OURS
from handlers.routes import ROUTES
from service.cli.client.roots import NOUNS_OF_OURS


def first_words(root: str) -> set[str]:
    return {
        route.path.removeprefix(f"{root}/").partition("/")[0]
        for route in ROUTES
        if route.path.startswith(f"{root}/")
    }


def test_what_renku_has_not_is_asked_for_below_our_root() -> None:
    ours, renkus = first_words(OURS), first_words(API)

    assert ours - renkus <= NOUNS_OF_OURS
    assert ours >= NOUNS_OF_OURS
