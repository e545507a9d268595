"""The query for a head stays within the complexity that GitLab takes from everybody."""

import pytest

from service.adapters.gitlab.head_query import MAX_LISTINGS, write_query
from service.domain.repository import Repository
from service.ports.remote import ExpectedReads
from tests.support.forge.gitlab_complexity import complexity
from tests.support.forge.gitlab_graphql import ANONYMOUS_POINTS

MANY = 100


@pytest.mark.parametrize("number", [None, 7])
@pytest.mark.parametrize("files", [0, 1, 24, MANY])
@pytest.mark.parametrize("listings", [0, 1, MANY])
@pytest.mark.parametrize("large", [(), ("",)])
def test_whatever_is_expected_the_query_is_taken(
    number: int | None, files: int, listings: int, large: tuple[str, ...]
) -> None:
    expected = ExpectedReads(
        files=tuple(f"f{number}" for number in range(files)),
        directories=tuple(f"d{number}" for number in range(MANY)),
        listings=tuple(f"l{number}" for number in range(listings)),
        large=large,
    )
    repository = Repository.from_url("https://gitlab.com/a/b", number=number)

    query = write_query(repository, None, expected)

    assert complexity(query.text, query.variables) <= ANONYMOUS_POINTS
    assert len(query.directories) + len(query.listings) >= 7
    assert len(query.listings) == min(listings, MAX_LISTINGS)
