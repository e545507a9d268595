"""The source of an image, for the lifecycle: project-metadata.toml.

https://github.com/buildpacks/spec/blob/main/platform.md#project-metadatatoml-toml
"""

import json

from service.adapters.kubernetes.manifests.names import plain_url
from service.domain.building.build import Build

__all__ = ["project_metadata"]


def project_metadata(build: Build) -> str:
    """Create the file with repository and commit, under the names that kpack uses."""
    metadata = {"repository": plain_url(build.repository_url)}
    if build.context_dir:
        metadata["context_dir"] = build.context_dir
    lines = "".join(
        f"{name} = {_format_string(text)}\n" for name, text in metadata.items()
    )
    return (
        '[source]\ntype = "git"\n\n'
        f"[source.version]\ncommit = {_format_string(build.commit)}\n\n"
        f"[source.metadata]\n{lines}"
    )


def _format_string(text: str) -> str:
    """Format a basic string of TOML: like JSON, except for DEL, which JSON allows.

    https://toml.io/en/v1.0.0#string
    """
    # Paths may not be UTF-8 (surrogates), and TOML has to be.
    plain = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")
