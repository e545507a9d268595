"""Refusals of the service, in the words that a person typed."""

import pytest

from service.cli.output.wording import in_options

FIELDS = "There are errors in the following fields, "


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            f"{FIELDS}environment.repository_revision: holds control characters",
            "--revision: holds control characters",
        ),
        (
            f"{FIELDS}environment.build_parameters.context_dir: is odd, name: too long",
            "--context-dir: is odd, the name: too long",
        ),
        (f"{FIELDS}environment.args.0: too long", "--arg: too long"),
        (f"{FIELDS}something.new: is odd", "something.new: is odd"),
        ("name: as it is", "name: as it is"),
        (
            'which forge it is; expected "forge": "github" or "forge": "gitlab"',
            "which forge it is; expected --forge github or --forge gitlab",
        ),
        ('expected "something_new": "x"', 'expected "something_new": "x"'),
    ],
)
def test_fields_are_named_as_options(said: str, told: str) -> None:
    assert in_options(said) == told
