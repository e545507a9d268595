"""What the service is shipped with has a licence that lets it be shipped."""

from email.message import Message

import pytest

from scripts.licences import Distribution, licence_of, shipped


def test_every_distribution_has_an_accepted_licence() -> None:
    refused = [item for item in shipped() if not item.is_accepted]

    assert refused == []


def test_the_service_is_shipped_with_what_it_imports() -> None:
    names = {item.name for item in shipped()}

    assert {"aiohttp", "aio-pika", "gidgethub", "pydantic", "tenacity"} <= names


@pytest.mark.parametrize(
    ("licence", "is_accepted"),
    [
        ("MIT", True),
        ("MIT AND PSF-2.0", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only", False),
        ("unknown", False),
    ],
)
def test_all_parts_of_one_alternative_must_be_accepted(
    licence: str, *, is_accepted: bool
) -> None:
    assert Distribution("name", "1.0", licence).is_accepted is is_accepted


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License-Expression": "mit or apache-2.0"}, "MIT OR Apache-2.0"),
        ({"License": "Apache 2.0"}, "Apache-2.0"),
        ({"License": "Copyright …\n all of it"}, "unknown"),
        (
            {"License": "text", "Classifier": "License :: OSI Approved :: MIT License"},
            "MIT",
        ),
        ({}, "unknown"),
    ],
)
def test_a_licence_is_read_as_projects_declare_it(
    fields: dict[str, str], licence: str
) -> None:
    declared = Message()
    for name, value in fields.items():
        declared[name] = value

    assert licence_of(declared) == licence
