"""Reads the licence of each distribution that the service is shipped with.

What counts is requirements.txt, which the image is built from; the licence is what the
installed distribution declares: https://packaging.python.org/en/latest/specifications/core-metadata/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import metadata
from pathlib import Path
from typing import Final, cast

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

__all__ = ["ACCEPTED", "Distribution", "licence_table", "shipped"]

REQUIREMENTS: Final = Path(__file__).parent.parent / "requirements.txt"
_PIN: Final = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ; (.*?))?(?: \\)?$", re.MULTILINE
)
_PREFIX: Final = "License :: OSI Approved :: "

ACCEPTED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-3.0-or-later",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
    }
)
"""Licences whose terms an Apache-2.0 service meets that ships the files unchanged.

The LGPL and the MPL ask for the sources of the library's own files: the image has them.
"""

_SPELLINGS: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 3-Clause OR Apache-2.0": "BSD-3-Clause OR Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-or-later",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What projects wrote before SPDX expressions had a field of their own."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution of the image, with the SPDX expression of its licence."""

    name: str
    version: str
    licence: str

    @property
    def is_accepted(self) -> bool:
        """Whether one of the alternatives of its licence is accepted as a whole."""
        return any(
            set(alternative.split(" AND ")) <= ACCEPTED
            for alternative in self.licence.replace("(", "")
            .replace(")", "")
            .split(" OR ")
        )


def shipped() -> list[Distribution]:
    """List what requirements.txt pins for this platform; a missing one raises."""
    return list(_shipped(REQUIREMENTS.read_text()))


def _shipped(requirements: str) -> Iterator[Distribution]:
    for name, version, _ in _PIN.findall(requirements):
        # The stubs say Message's subset; at run time it is the class itself.
        yield Distribution(name, version, licence_of(cast("Message", metadata(name))))


def licence_of(declared: Message) -> str:
    """Return the SPDX expression that core metadata declares, or `unknown`."""
    classifiers = [
        classifier.removeprefix(_PREFIX)
        for classifier in declared.get_all("Classifier", [])
        if classifier.startswith(_PREFIX)
    ]
    candidates = [declared["License-Expression"], declared["License"], *classifiers]
    for candidate in filter(None, candidates):
        try:
            return str(
                canonicalize_license_expression(_SPELLINGS.get(candidate, candidate))
            )
        except InvalidLicenseExpression:
            continue
    return "unknown"


def licence_table() -> str:
    """Return the table of all distributions."""
    rows = ["| distribution | version | licence |", "|---|---|---|"]
    rows += [f"| {item.name} | {item.version} | {item.licence} |" for item in shipped()]
    return "\n".join(rows)
