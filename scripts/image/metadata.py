"""What an image says of itself: its version, its command, and the list of its packages.

Nothing but the standard library is imported here: the Dockerfile runs this file alone,
`python metadata.py /opt/relaunch`, with pyproject.toml beside the working folder.
"""

import json
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final

__all__ = ["COMMAND", "files", "sbom"]

COMMAND: Final = (
    "#!/usr/local/bin/python3\nimport sys\nfrom service.cli import main\n"
    "sys.exit(main())\n"
)


def files(project: str, packages: Iterable[Distribution]) -> dict[str, str]:
    """Return the texts below the folder of the image, by their paths.

    Args:
        project: The text of pyproject.toml.
        packages: What others wrote, of what is in the image.
    """
    about = tomllib.loads(project)["project"]
    name, version = about["name"], about["version"]
    # https://packaging.python.org/en/latest/specifications/core-metadata/
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
    return {
        f"lib/{name}-{version}.dist-info/METADATA": metadata,
        "bin/relaunch": COMMAND,
        "sbom.cdx.json": sbom(packages, version=version),
    }


def sbom(packages: Iterable[Distribution], *, version: str) -> str:
    """Return the packages of the image, with versions and licences.

    As CycloneDX lists them: https://cyclonedx.org/docs/1.6/json/
    """
    found = sorted(packages, key=lambda item: item.metadata["Name"].lower())
    components = [_component(item) for item in found]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"pkg:pypi/relaunch@{version}",
                "name": "relaunch",
                "version": version,
            }
        },
        "components": components,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _component(item: Distribution) -> dict[str, Any]:
    name = item.metadata["Name"].lower().replace("_", "-")
    package = f"pkg:pypi/{name}@{item.version}"
    named = [key for key in ("License-Expression", "License") if key in item.metadata]
    licence = item.metadata[named[0]] if named else ""
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": package,
        "name": name,
        "version": item.version,
        "purl": package,
    }
    # Some packages put the licence's whole text where its name belongs.
    if licence and "\n" not in licence:
        component["licenses"] = [{"license": {"name": licence}}]
    return component


def main(folder: Path) -> None:
    """Write the files into a folder that holds the packages in `lib`."""
    packages = list(distributions(path=[str(folder / "lib")]))
    for name, text in files(Path("pyproject.toml").read_text(), packages).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name.startswith("bin/") else 0o644)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
