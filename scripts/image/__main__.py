"""`python -m scripts.image FILE.tar`: write the image as an archive of OCI's layout."""

import sys
from importlib.metadata import version
from pathlib import Path

from scripts.image.build import build_image, source_date


def main(arguments: list[str]) -> int:
    """Write the archive; print the digest by which the image is pulled."""
    if len(arguments) != 1:
        print("usage: python -m scripts.image FILE.tar", file=sys.stderr)  # noqa: T201
        return 2
    epoch = source_date()
    image = build_image(epoch)
    image.write(Path(arguments[0]), name=version("relaunch"), epoch=epoch)
    print(image.digest)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
