"""What an image says of where it came from: its project-metadata.toml.

https://github.com/buildpacks/spec/blob/main/platform.md#project-metadatatoml-toml
"""

import json

from service.adapters.kubernetes.names import plain_url
from service.domain.build import Build

__all__ = ["project_metadata"]


def project_metadata(build: Build) -> str:
    """Write repository and commit of a build, under the names that kpack uses."""
    about = {"repository": plain_url(build.repository_url)}
    if build.context_dir:
        about["context_dir"] = build.context_dir
    told = "".join(f"{name} = {_string(text)}\n" for name, text in about.items())
    return (
        '[source]\ntype = "git"\n\n'
        f"[source.version]\ncommit = {_string(build.commit)}\n\n"
        f"[source.metadata]\n{told}"
    )


def _string(text: str) -> str:
    """Write a basic string of TOML: JSON's, but for what Python leaves as it is.

    https://toml.io/en/v1.0.0#string
    """
    plain = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")
