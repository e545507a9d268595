"""What buildpacks print when they fail: shortened, and with other names and hosts."""
# ruff: noqa: E501, RUF001 - lines and signs are the tools' own

_FRAMED = """\
Paketo Buildpack for {what} 1.2.3
  Executing build process
    Running '{command}'
      {command} failed:
{said}
      error: exit status 1
ERROR: failed to build: exit status 1"""


def by_paketo(what: str, command: str, said: str) -> str:
    """Print a tool's words as Paketo's buildpacks do: after the tool, and indented."""
    indented = "\n".join(f"      {line}" for line in said.splitlines())
    return _FRAMED.format(what=what, command=command, said=indented)


PIP_CONFLICT = by_paketo(
    "Pip Install",
    "pip install",
    """\
Collecting requests==2.31.0 (from -r requirements.txt (line 1))
  Downloading requests-2.31.0-py3-none-any.whl.metadata (4.6 kB)
ERROR: Cannot install -r requirements.txt (line 1) and urllib3==1.21 because these \
package versions have conflicting dependencies.

The conflict is caused by:
    The user requested urllib3==1.21
    requests 2.31.0 depends on urllib3<3 and >=1.21.1

To fix this you could try to:
1. loosen the range of package versions you've specified

ERROR: ResolutionImpossible: for help visit \
https://pip.pypa.io/en/latest/topics/dependency-resolution/""",
)
PIP_NO_VERSION = by_paketo(
    "Pip Install",
    "pip install",
    """\
ERROR: Could not find a version that satisfies the requirement six==99.0 \
(from versions: 1.16.0, 1.17.0)
ERROR: No matching distribution found for six==99.0""",
)
PIP_WHEEL = by_paketo(
    "Pip Install",
    "pip install",
    """\
Collecting lonely==1.0 (from -r requirements.txt (line 2))
  Downloading lonely-1.0.tar.gz (1.2 kB)
  Getting requirements to build wheel: finished with status 'error'
  error: subprocess-exited-with-error

  × Getting requirements to build wheel did not run successfully.
  │ exit code: 1
  ╰─> [3 lines of output]
      Traceback (most recent call last):
        File "<string>", line 2, in <module>
      ModuleNotFoundError: No module named 'numpy'
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: subprocess-exited-with-error""",
)
PIP_KILLED = by_paketo("Pip Install", "pip install", "Killed")
PIP_NO_SPACE = by_paketo(
    "Pip Install",
    "pip install",
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on "
    "device",
)
PIP_OFFLINE = by_paketo(
    "Pip Install",
    "pip install",
    """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) \
after connection broken by 'NewConnectionError("HTTPSConnection(host='index.invalid', \
port=443): Failed to establish a new connection: [Errno -2] Name or service not known")\
': /simple/six/
ERROR: Could not find a version that satisfies the requirement six (from versions: none)
ERROR: No matching distribution found for six""",
)
PIP_UNFOUND = by_paketo(
    "Pip Install",
    "pip install",
    """\
Looking in indexes: https://index.test/simple
ERROR: Could not find a version that satisfies the requirement good (from versions: none)
ERROR: No matching distribution found for good""",
)
"""What pip 26.3 printed before an index that answered 404, 403, 429, 500 or 503."""
PIP_LOGGED = by_paketo(
    "Pip Install",
    "pip install",
    """\
2026-11-28T19:01:24,003 1 location(s) to search for versions of good:
2026-11-28T19:01:24,003 * https://index.test/simple/good/
2026-11-28T19:01:24,004 Fetching project page and analyzing links: \
https://index.test/simple/good/
2026-11-28T19:01:24,004 Getting page https://index.test/simple/good/
2026-11-28T19:01:25,110 Could not fetch URL https://index.test/simple/good/: {why} - \
skipping
ERROR: Could not find a version that satisfies the requirement good (from versions: none)
2026-11-28T19:01:25,118 ERROR: Could not find a version that satisfies the requirement \
good (from versions: none)
ERROR: No matching distribution found for good""",
)
"""What it printed with PIP_LOG=/dev/stdout."""
PIP_ASKS = by_paketo(
    "Pip Install",
    "pip install",
    """\
Looking in indexes: https://index.test/simple
User for index.test: Exception:
Traceback (most recent call last):
  File "/layers/pip/lib/pip/_internal/network/auth.py", line 480, in _prompt_for_password
    username = ask_input(f"User for {netloc}: ") if self.prompting else None
EOFError: EOF when reading a line""",
)
CONDA_NO_PACKAGE = by_paketo(
    "Conda Env Update",
    "conda env update",
    """\
Channels:
 - conda-forge
Platform: linux-64
Collecting package metadata (repodata.json): ...working... done
Solving environment: ...working... failed

LibMambaUnsatisfiableError: Encountered problems while solving:
  - nothing provides requested no-such-package

Could not solve for environment specs
The following package could not be installed
└─ no-such-package does not exist (perhaps a typo or a missing channel).""",
)
CONDA_NO_VERSION = by_paketo(
    "Conda Env Update",
    "conda env update",
    """\
Solving environment: ...working... failed

LibMambaUnsatisfiableError: Encountered problems while solving:
  - unsupported request

Could not solve for environment specs
The following packages are incompatible
├─ six =99.0 * does not exist (perhaps a typo or a missing channel);
└─ words =1.0 * is installable.""",
)
CONDA_CONFLICT = by_paketo(
    "Conda Env Update",
    "conda env update",
    """\
Solving environment: ...working... failed

LibMambaUnsatisfiableError: Encountered problems while solving:
  - package molecules-0.5.3-py310_1 requires python >=3.10,<3.11.0a0, but none of the \
providers can be installed

Could not solve for environment specs""",
)
CONDA_CLASSIC = by_paketo(
    "Conda Env Update",
    "conda env update",
    """\
Solving environment: ...working... failed

ResolvePackageNotFound:
  - no-such-package=1.0""",
)
CONDA_PIP = by_paketo(
    "Conda Env Update",
    "conda env update",
    """\
Pip subprocess error:
ERROR: Could not find a version that satisfies the requirement no-such-package \
(from versions: none)
ERROR: No matching distribution found for no-such-package

failed

CondaEnvException: Pip failed""",
)
CONDA_OFFLINE = by_paketo(
    "Conda Env Update",
    "conda env update",
    "CondaHTTPError: HTTP 000 CONNECTION FAILED for url "
    "<https://channels.invalid/conda-forge/linux-64/repodata.json>",
)
DEFAULTS_CHANNEL = """\
🔧 \x1b[1mConda Channel Cleanup Buildpack\x1b[0m

\x1b[1m!!! defaults channel detected !!! \x1b[0m
Failing to avoid rate limits.
ERROR: failed to build: exit status 100"""
POETRY_CONFLICT = by_paketo(
    "Poetry Install",
    "poetry install",
    """\
Because no versions of beta match !=1.0
 and beta (1.0) depends on alpha (<2), every version of beta requires alpha (<2).
So, because x depends on both alpha (2.0) and beta (*), version solving failed.""",
)
POETRY_STALE = by_paketo(
    "Poetry Install",
    "poetry install",
    "pyproject.toml changed significantly since poetry.lock was last generated. Run "
    "`poetry lock` to fix the lock file.",
)
EXPORT_DENIED = """\
Adding layer 'paketo-buildpacks/cpython:cpython'
ERROR: failed to export: failed to write image to the following tags: \
[registry.invalid/renku/env-1:01: PUT https://registry.invalid/v2/renku/env-1/manifests/01: \
DENIED: requested access to the resource is denied]"""
EXPORT_WITHOUT_RUN_IMAGE = (
    "ERROR: failed to resolve inputs: run image not found in analyzed metadata"
)
EXPORT_OFFLINE = """\
ERROR: failed to export: saving image: failed to fetch base layers: Get \
"https://registry.invalid/v2/": dial tcp: lookup registry.invalid: no such host"""
ANALYZE_DENIED = """\
ERROR: failed to initialize analyzer: failed to ensure registry read/write access to \
registry.invalid/renku/env-1:01: POST \
https://registry.invalid/v2/renku/env-1/blobs/uploads/: UNAUTHORIZED: authentication \
required"""
OTHER_API = """\
ERROR: failed to set platform API: failed to verify platform API; set platform API to \
a supported version: platform API version '0.99' is incompatible with the lifecycle"""
EXTENSIONS = """\
ERROR: Platform requested experimental feature 'Dockerfiles'
ERROR: failed to initialize detector: experimental features are disabled by \
CNB_EXPERIMENTAL_MODE=error"""
