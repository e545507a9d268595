"""Ask poetry itself which addresses of repositories it can read.

Standard input is a list of them as JSON, standard output one of answers. Runs with
poetry's own interpreter.
"""
# mypy: disable-error-code="import-not-found"

import json
import sys

from poetry.core.vcs.git import ParsedUrl


def is_read(url: str) -> bool:
    """Return whether poetry can read an address."""
    try:
        ParsedUrl.parse(url)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    print(json.dumps([is_read(url) for url in json.load(sys.stdin)]))  # noqa: T201
