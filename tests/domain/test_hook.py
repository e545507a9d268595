"""What a hook may speak about."""

import pytest

from service.domain.hook import Reach, parse_binding
from service.domain.repository import Repository
from service.errors import InvalidRequestError
from tests.support.deliveries import a_hook


def a_repository(path: str, host: str = "forge.test") -> Repository:
    return Repository(host=host, path=path, url=f"https://{host}/{path}.git")


@pytest.mark.parametrize(
    ("path", "is_covered"),
    [
        ("uni/course", True),
        ("Uni/Course", True),
        ("uni/group/course", True),
        ("uni", False),
        ("uni-evil/course", False),
        ("other/uni/course", False),
        ("uni/../other/course", False),
        ("uni//course", False),
    ],
)
def test_an_owners_hook_speaks_about_all_of_the_owners_and_no_others(
    path: str, *, is_covered: bool
) -> None:
    bound = parse_binding("https://forge.test/uni/", Reach.OWNER)
    hook = a_hook(repository=bound, reach=Reach.OWNER)

    assert hook.covers(a_repository(path)) is is_covered
    assert not hook.covers(a_repository(path, host="elsewhere.test"))


def test_a_hosts_hook_speaks_about_every_repository_there() -> None:
    bound = parse_binding("https://Forge.test", Reach.HOST)
    hook = a_hook(repository=bound, reach=Reach.HOST)

    assert (bound.host, bound.path) == ("forge.test", "")
    assert hook.covers(a_repository("any/thing"))
    assert not hook.covers(a_repository("any/thing", host="elsewhere.test"))


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("https://forge.test", Reach.OWNER),
        ("https://forge.test/uni", Reach.HOST),
        ("https://me:pw@forge.test", Reach.HOST),
        ("file:///srv/git", Reach.OWNER),
        ("forge.test", Reach.HOST),
    ],
)
def test_what_is_no_owner_or_host_is_refused(url: str, reach: Reach) -> None:
    with pytest.raises(InvalidRequestError):
        parse_binding(url, reach)
