"""Wheels that need no index: the smallest real packages."""

import io
import zipfile


def a_wheel(name: str, version: str) -> bytes:
    """Make a wheel with one module that says its version.

    https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        ),
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tests\n"
            "Root-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{file},,\n" for file in (*files, f"{info}/RECORD"))
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return raw.getvalue()
