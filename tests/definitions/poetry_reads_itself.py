"""Ask poetry itself what projects depend on; runs with poetry's own interpreter.

Standard input names folders, one a line. Standard output has a list as JSON for each:
the Python that is allowed, whether 3.11.9 is, and the names of the dependencies.
"""
# mypy: disable-error-code="import-not-found"

import json
import sys
from pathlib import Path

from poetry.core.constraints.version import Version
from poetry.factory import Factory

if __name__ == "__main__":
    for line in sys.stdin:
        package = Factory().create_poetry(Path(line.rstrip("\n"))).package
        names = sorted(dependency.name for dependency in package.requires)
        is_allowed = package.python_constraint.allows(Version.parse("3.11.9"))
        print(json.dumps([package.python_versions, is_allowed, names]))  # noqa: T201
