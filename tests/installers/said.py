"""What tools said when they failed: shortened, and with other paths and hosts."""
# ruff: noqa: E501, RUF001 - lines and signs are the tools' own

PIP_KILLED = """\
  × Getting requirements to build wheel did not run successfully.
  │ exit code: -9
  ╰─> [0 lines of output]
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
ERROR: Failed to build 'file:///r/source/bad' when getting requirements to build wheel"""
PIP_BUILD = """\
  × Getting requirements to build wheel did not run successfully.
  │ exit code: 1
  ╰─> [17 lines of output]
      Traceback (most recent call last):
        File "<string>", line 2, in <module>
      {error}
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
ERROR: Failed to build 'file:///r/source/bad' when getting requirements to build wheel"""
PIP_CONFLICT = """\
ERROR: Cannot install -r requirements.txt (line 4) and urllib3==1.21 because these \
package versions have conflicting dependencies.

The conflict is caused by:
    The user requested urllib3==1.21
    requests 2.31.0 depends on urllib3<3 and >=1.21.1

ERROR: ResolutionImpossible"""
PIP_OTHER_PYTHON = """\
ERROR: Ignored the following versions that require a different python version: \
2.3.0 Requires-Python >=3.11; 2.4.0 Requires-Python >=3.11; 2.5.0 Requires-Python >=3.12
ERROR: Could not find a version that satisfies the requirement numpy==2.4.0 \
(from versions: 1.3.0, 2.2.6)
ERROR: No matching distribution found for numpy==2.4.0"""
PIP_HASH = """\
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have \
updated the package versions, please update the hashes. Otherwise, examine the package \
contents carefully; someone may have tampered with them.
    six==1.16.0 from https://localhost/six-1.16.0-py2.py3-none-any.whl:
        Expected sha256 0000"""
PIP_GIT = """\
  Running command git clone --filter=blob:none --quiet https://no-such-host.invalid/x.git
  fatal: unable to access 'https://no-such-host.invalid/x.git/': Could not resolve \
host: no-such-host.invalid
  × git clone --filter=blob:none --quiet https://no-such-host.invalid/x.git did not run \
successfully.
  │ exit code: 128"""
PIP_RETRIED = """\
WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) \
after connection broken by 'NewConnectionError("HTTPSConnection(host='localhost', \
port=9): Failed to establish a new connection: [Errno 111] Connection refused")': /six/
ERROR: Could not find a version that satisfies the requirement gone (from versions: none)"""
PIP_UNREACHABLE = """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) \
after connection broken by 'NewConnectionError("HTTPConnection(host='127.0.0.1', \
port=9): Failed to establish a new connection: [Errno 111] Connection refused")': /six/
ERROR: Could not find a version that satisfies the requirement six (from versions: none)"""
PIP_SYNTAX = """\
ERROR: Invalid requirement: 'six=1.0': Expected semicolon (after name with no version \
specifier) or end
    six=1.0
       ^ (from line 7 of requirements.txt)
Hint: = is not a valid operator. Did you mean == ?"""
PIP_NO_FILE = """\
ERROR: Invalid requirement: './nope': Expected package name at the start of dependency \
specifier
    ./nope
    ^ (from line 6 of requirements.txt)
Hint: It looks like a path. File './nope' does not exist."""
PIP_MARKER = """\
ERROR: Invalid requirement: 'foo': Expected a marker variable or quoted string
    python_version <<< "3"
                    ^"""
POETRY_CONFLICT = """\
Because no versions of beta match !=1.0
 and beta (1.0) depends on alpha (<2), every version of beta requires alpha (<2).
So, because x depends on both alpha (2.0) and beta (*), version solving failed."""
POETRY_PYTHON = """\
The current project's supported Python range (>=3.10,<4.0) is not compatible with some \
of the required packages Python requirement:
  - new requires Python >=3.14, so it will not be satisfied for Python >=3.10,<3.14

Because no versions of new match !=1.0
So, because x depends on new (*), version solving failed."""
POETRY_NETWORK = (
    "HTTPConnectionPool(host='127.0.0.1', port=9): Max retries exceeded with url: /six/"
)
UV_LOCK = """\
error: Failed to parse `uv.lock`
  cause: TOML parse error at line 1, column 1"""
UV_BUILD = """\
error: Failed to build `bad @ file:///r/source/bad`
  cause: The build backend returned an error
         RuntimeError: no gfortran
hint: `bad` was included because `x` (v0.1.0) depends on `bad`"""
UV_NETWORK = """\
error: Failed to download `idna==1.16.0`
  cause: Failed to fetch: https://127.0.0.1:9/idna-1.16.0-py2.py3-none-any.whl
  cause: tcp connect error"""
CONDA_CLASH = """\
SolverError:
Cannot solve the request because of: The following packages are incompatible
├─ words 1.0.* can be installed with any of the following options:
│  └─ words 1.0
└─ words 2.1.* cannot be installed because there are no viable options:
   └─ words 2.1, which conflicts with the versions reported above."""
