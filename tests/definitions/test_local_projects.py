"""Poetry, uv and Pipenv: which of them installs, what it reads, what it refuses."""

import hashlib
import json

import pytest

from service.definitions.python.versions import from_conda, from_poetry, from_version
from service.domain.definition import ABSENT, Definition, Kind, NoDefinition
from service.domain.findings import Severity
from tests.definitions import uv_cases
from tests.definitions.tree import Commit, Files, codes, items, paths, read

POETRY = """\
[tool.poetry]
name = "my-demo"
version = "0.1.0"
description = "one"
package-mode = false

[tool.poetry.dependencies]
python = "^3.11"
numpy = "^2"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
UV = """\
[project]
name = "demo"
version = "0.1.0"
description = "one"
requires-python = ">=3.11"
dependencies = ["numpy>=2"]
"""
LOCK = """\
version = 1
requires-python = ">=3.11"
[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }
[package.metadata]
requires-dist = [{ name = "numpy", specifier = ">=2" }]
[[package]]
name = "numpy"
version = "2.0"
source = { registry = "https://index.test/simple" }
"""
PACKAGE = POETRY.replace("package-mode = false\n", "authors = []\n")


def poetry(content: str, **others: str) -> Definition:
    return read({"pyproject.toml": content, **others})


def uv(content: str, lock: str = LOCK, **others: str) -> Definition:
    return read({"pyproject.toml": content, "uv.lock": lock, **others})


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        pytest.param({"pyproject.toml": POETRY}, Kind.POETRY, id="poetry"),
        pytest.param(
            {"pyproject.toml": POETRY, "uv.lock": LOCK}, Kind.POETRY, id="both"
        ),
        pytest.param(
            {"pyproject.toml": UV + POETRY[-95:], "uv.lock": LOCK},
            Kind.POETRY,
            id="backend of poetry",
        ),
        pytest.param({"pyproject.toml": UV, "uv.lock": LOCK}, Kind.UV, id="uv"),
        pytest.param({"pyproject.toml": UV}, Kind.POETRY, id="project alone"),
        pytest.param({"pyproject.toml": "x ="}, Kind.POETRY, id="broken"),
        pytest.param({"pyproject.toml": "x =", "uv.lock": ""}, Kind.UV, id="broken uv"),
        pytest.param(
            {"requirements.txt": "a", "pyproject.toml": POETRY},
            Kind.PIP,
            id="pip first",
        ),
        pytest.param(
            {"Pipfile": "", "requirements.txt": "a"}, Kind.PIPENV, id="pipenv first"
        ),
        pytest.param(
            {"environment.yml": "dependencies: [a]", "pyproject.toml": POETRY},
            Kind.CONDA,
            id="conda before poetry",
        ),
    ],
)
def test_the_first_of_the_buildpacks_order_wins(files: Files, kind: Kind) -> None:
    assert read(files).kind is kind


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[tool.ruff]\nline-length = 88"},
        {"pyproject.toml": "[tool.ruff]", "README.md": ""},
        {"uv.lock": LOCK},
        {"poetry.lock": ""},
        {},
    ],
)
def test_tool_tables_and_locks_alone_define_nothing(files: Files) -> None:
    found = Commit(files).read()

    assert isinstance(found, NoDefinition)
    assert {"Pipfile", "requirements.txt", "pyproject.toml"} <= items(found).keys()


def test_a_lock_of_uv_without_its_project_is_said() -> None:
    assert "uv_lock_alone" in codes(Commit({"uv.lock": LOCK}).read())


def test_a_uv_lock_that_would_decide_is_watched() -> None:
    assert items(poetry(UV))["uv.lock"].mode == ABSENT
    assert "uv.lock" not in items(poetry(POETRY))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("numpy = ", "# why\nnumpy = ", id="comment"),
        pytest.param('description = "one"', 'description = "two"', id="description"),
        pytest.param("[build-system]", "[tool.black]\na=1\n[build-system]", id="black"),
        pytest.param("[build-system]", "[tool.own]\na=1\n[build-system]", id="unknown"),
        pytest.param(
            'name = "my-demo"\nversion = "0.1.0"\n',
            'version = "0.1.0"\nname = "my-demo"\n',
            id="order of keys",
        ),
    ],
)
def test_what_poetry_does_not_read_is_cosmetic(old: str, new: str) -> None:
    before, after = poetry(POETRY), poetry(POETRY.replace(old, new))

    assert before.fingerprint != after.fingerprint
    assert before.meaning == after.meaning


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('numpy = "^2"', 'numpy = "^1"', id="dependency"),
        pytest.param('python = "^3.11"', 'python = "^3.12"', id="python"),
        pytest.param("package-mode = false\n", "", id="package mode"),
        pytest.param("poetry-core", "poetry-core>=1", id="build requirement"),
    ],
)
def test_what_poetry_reads_is_a_change(old: str, new: str) -> None:
    assert old in POETRY
    assert poetry(POETRY).meaning != poetry(POETRY.replace(old, new)).meaning


def test_tables_of_an_unknown_build_plugin_count() -> None:
    plugin = PACKAGE.replace('"poetry-core"', '"poetry-core", "my-plugin"')
    code = {"my_demo.py": ""}

    def is_same(content: str, table: str, **code: str) -> bool:
        after = poetry(f"{content}[tool.{table}]\na=1", **code)
        return poetry(content, **code).meaning == after.meaning

    assert not is_same(plugin, "my", **code)
    assert is_same(plugin, "ruff", **code)
    assert is_same(PACKAGE, "ruff", **code)
    # Without a package nothing is built, and no plugin runs.
    assert is_same(plugin, "my")
    # Installed code may read any table that is not known to be for checkers only.
    assert poetry(PACKAGE, **code).meaning != (
        poetry(PACKAGE + "[tool.my]\na=1", **code).meaning
    )


def test_a_good_poetry_project_has_nothing_to_say() -> None:
    found = poetry(POETRY)

    assert found.findings == ()
    assert found.python == "<4,>=3.11"


def test_a_package_without_its_code_is_said() -> None:
    found = poetry(PACKAGE)

    assert {finding.code: finding.severity for finding in found.findings} == {
        "package_mode_missing": Severity.WARNING
    }
    assert items(found)["my_demo"].mode == ABSENT


@pytest.mark.parametrize(
    "code", ["my_demo/__init__.py", "my_demo.py", "src/my_demo/a.py"]
)
def test_a_package_with_its_code_is_fine(code: str) -> None:
    found = poetry(PACKAGE, **{code: "1"})

    assert "package_mode_missing" not in codes(found)
    assert found.meaning != poetry(PACKAGE, **{code: "2"}).meaning
    assert found.meaning != poetry(PACKAGE).meaning


def test_packages_named_outright_are_looked_for() -> None:
    named = PACKAGE.replace(
        "[tool.poetry.dep", 'packages = [{include="x"}]\n[tool.poetry.dep'
    )
    globbed = named.replace('"x"', '"x*"')
    many = {f"x/{n}/{m}/a.txt": "" for n in range(9) for m in range(9)}

    assert "package_missing" in codes(poetry(named))
    assert "package_missing" not in codes(poetry(named, **{"x/a.py": ""}))
    assert "package_missing" in codes(poetry(globbed))
    assert "package_missing" not in codes(poetry(globbed, **{"x1.py": ""}))
    assert "package_missing" not in codes(poetry(named, **many)), "too many to tell"


def test_a_readme_of_what_is_installed_counts() -> None:
    content = PACKAGE.replace(
        "[tool.poetry.dep", 'readme = "README.md"\n[tool.poetry.dep'
    )
    one, two = (
        poetry(content, **{"README.md": char, "my_demo.py": ""}) for char in "ab"
    )

    assert one.meaning != two.meaning
    assert one.meaning != poetry(content, **{"my_demo.py": ""}).meaning


def test_a_project_that_is_not_poetrys_is_refused() -> None:
    found = poetry(UV)

    assert "poetry_table_missing" in codes(found)
    assert found.python == ">=3.11"


def test_poetry_needs_a_python() -> None:
    assert "python_missing" in codes(poetry(POETRY.replace('python = "^3.11"\n', "")))


def content_hash(document: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def test_a_lock_that_fits_is_not_called_stale() -> None:
    """The digest as poetry 1.8.3 wrote it for these dependencies."""
    digest = content_hash(
        {
            "dependencies": {"python": "^3.11", "numpy": "^2"},
            "source": None,
            "extras": None,
            "dev-dependencies": None,
        }
    )
    lock = (
        '[[package]]\nname = "numpy"\nversion = "2.0.0"\noptional = false\n'
        'python-versions = ">=3.9"\nfiles = []\n'
        f'[metadata]\nlock-version = "2.0"\ncontent-hash = "{digest}"\n'
    )

    assert codes(poetry(POETRY, **{"poetry.lock": lock})) == set()
    assert "stale_lock" in codes(
        poetry(POETRY.replace("^2", "^1"), **{"poetry.lock": lock})
    )


def test_the_order_and_comments_of_a_lock_are_cosmetic() -> None:
    one = '# 1.8.3\n[[package]]\nname="a"\n[[package]]\nname="b"\n'
    other = '# 2.0\n[[package]]\nname="b"\n[[package]]\nname="a"\n'

    assert (
        poetry(POETRY, **{"poetry.lock": one}).meaning
        == poetry(POETRY, **{"poetry.lock": other}).meaning
    )


def test_a_lock_that_appears_is_a_change() -> None:
    assert items(poetry(POETRY))["poetry.lock"].mode == ABSENT
    assert poetry(POETRY).meaning != poetry(POETRY, **{"poetry.lock": ""}).meaning


def test_path_dependencies_of_poetry_count() -> None:
    content = POETRY.replace(
        'numpy = "^2"',
        'lib = {path = "lib"}\ndev = {path = "dev", develop = true}\n'
        'w = {path = "w-1.whl"}',
    )
    files = {
        "lib/pyproject.toml": "",
        "lib/a.py": "1",
        "dev/pyproject.toml": "",
        "dev/a.py": "1",
        "w-1.whl": "1",
    }
    before = poetry(content, **files)

    assert before.meaning != poetry(content, **{**files, "lib/a.py": "2"}).meaning
    assert before.meaning != poetry(content, **{**files, "w-1.whl": "2"}).meaning
    assert before.meaning != poetry(content, **{**files, "dev/a.py": "2"}).meaning
    changed = {**files, "dev/pyproject.toml": "[project]\nname='x'"}
    assert before.meaning != poetry(content, **changed).meaning


def test_a_path_dependency_that_is_gone_is_said() -> None:
    content = POETRY.replace('numpy = "^2"', 'lib = {path = "lib"}')

    assert "missing_include" in codes(poetry(content))


def test_a_good_uv_project_has_nothing_to_say() -> None:
    found = uv(UV)

    assert found.findings == ()
    assert found.python == ">=3.11"


def test_a_stale_uv_lock_is_said() -> None:
    assert "stale_lock" in codes(uv(UV.replace("numpy>=2", "pandas")))


def test_uv_reads_the_python_version_file() -> None:
    before = uv(UV, **{".python-version": "3.12\n"})

    assert before.python == "==3.12.*"
    assert before.meaning != uv(UV, **{".python-version": "3.13\n"}).meaning
    assert before.meaning == uv(UV, **{".python-version": "# pin\n3.12"}).meaning
    assert items(uv(UV))[".python-version"].mode == ABSENT


@pytest.mark.parametrize(
    ("version", "is_conflict"),
    [("3.9", True), ("3.12", False), ("3.11.4", False), ("pypy", False), ("", False)],
)
def test_a_python_version_out_of_range_conflicts(
    version: str, *, is_conflict: bool
) -> None:
    found = uv(UV, **{".python-version": version})

    assert ("python_conflict" in codes(found)) == is_conflict


def test_workspace_members_and_sources_of_uv_count() -> None:
    content = (
        UV + "[tool.uv.workspace]\nmembers = ['packages/*']\n"
        "[tool.uv.sources]\nlib = {path = 'lib'}\nm = {workspace = true}\n"
    )
    lock = LOCK + '[[package]]\nname="m"\nsource = { editable = "packages/m" }\n'
    files = {
        "packages/m/pyproject.toml": "[project]\nname='m'",
        "lib/pyproject.toml": "",
        "lib/a.py": "1",
    }
    before = uv(content, lock, **files)
    changed = {**files, "packages/m/pyproject.toml": "[project]\nname='n'"}

    assert {"packages/m/pyproject.toml", "lib"} <= paths(before)
    assert before.meaning != uv(content, lock, **changed).meaning
    assert before.meaning != uv(content, lock, **{**files, "lib/a.py": "2"}).meaning


def test_a_built_uv_project_counts_with_what_its_backend_reads() -> None:
    content = (
        UV.replace('version = "0.1.0"\n', "dynamic = ['version']\n")
        + "[build-system]\nrequires = ['hatchling']\nbuild-backend='hatchling.build'\n"
        + "[tool.hatch.version]\npath = 'src/demo/v.py'\n"
    )
    before = uv(content, **{"src/demo/v.py": "1"})

    assert before.meaning != uv(content, **{"src/demo/v.py": "2"}).meaning
    assert (
        before.meaning
        == uv(content + "[tool.pytest]\na=1", **{"src/demo/v.py": "1"}).meaning
    )


def test_settings_of_uv_count() -> None:
    assert uv(UV).meaning != uv(UV + "[tool.uv]\nlink-mode='copy'").meaning
    assert uv(UV).meaning != uv(UV, **{"uv.toml": "link-mode='copy'"}).meaning


def test_a_uv_lock_without_a_project_table_is_refused() -> None:
    assert "project_table_missing" in codes(uv("[tool.ruff]\na=1"))


PIPFILE = """\
[[source]]
url = "https://index.example.org/simple"
verify_ssl = true
name = "index"
[packages]
a = "*"
lib = {path = "lib", editable = true}
[requires]
python_version = "3.9"
"""


def test_pipenv_is_read_with_its_lock_and_paths() -> None:
    files: dict[str, str] = {
        "Pipfile": PIPFILE,
        "Pipfile.lock": '{"_meta": {"hash": {"sha256": "0"}}}',
        "lib/setup.py": "",
    }
    found = read(files)

    assert found.python == "==3.9.*"
    assert "lib/setup.py" in paths(found)
    assert "stale_lock" in codes(found)
    scripted = {**files, "Pipfile": PIPFILE + "[scripts]\nx = 'y'"}
    assert found.meaning == read(scripted).meaning


def test_pipenv_installs_the_paths_of_its_lock_and_needs_no_others() -> None:
    gone = '[packages]\n[dev-packages]\nlib = { path = "gone" }\n'
    files = {
        "Pipfile": gone,
        "Pipfile.lock": '{"default": {"a": {"path": "./a", "editable": true}}}',
        "a/setup.py": "",
        "a/a.py": "1",
    }
    found = read(files)

    [missing] = [
        finding for finding in found.findings if finding.code == "missing_include"
    ]
    assert missing.severity is Severity.WARNING
    assert (missing.path, missing.line) == ("Pipfile", 3)
    assert found.meaning != read({**files, "a/a.py": "2"}).meaning
    [unlocked] = [
        finding
        for finding in read({"Pipfile": gone}).findings
        if finding.code == "missing_include"
    ]
    assert unlocked.severity is Severity.ERROR


def test_a_directory_of_the_name_of_a_build_file_is_none() -> None:
    found = read({"requirements.txt": ".", "setup.py/a.py": ""})

    assert "not_installable" in codes(found)


@pytest.mark.parametrize(
    ("path", "code", "line"),
    [
        ("./gone", "missing_include", 3),
        ("../outside", "outside_repository", 3),
        (".", "not_installable", 3),
    ],
)
def test_a_path_that_cannot_be_installed_has_a_file_and_its_line(
    path: str, code: str, line: int
) -> None:
    pipfile = f"[packages]\n# gone\nlib = {{ path = '{path}', editable = true }}\n"
    found = read({"Pipfile": pipfile})

    [error] = [finding for finding in found.findings if finding.code == code]
    assert error.severity is Severity.ERROR
    assert (error.path, error.line) == ("Pipfile", line)


def test_a_member_that_no_lock_names_need_not_be_a_project() -> None:
    workspace = f'{uv_cases.PROJECT}[tool.uv.workspace]\nmembers = ["docs"]\n'
    found = read(
        {"pyproject.toml": workspace, "uv.lock": uv_cases.LOCK, "docs/index.md": ""}
    )

    [finding] = [item for item in found.findings if item.code == "not_installable"]
    assert finding.severity is Severity.WARNING
    assert finding.path == "pyproject.toml"


def test_a_folder_that_pip_cannot_build_is_shown_with_its_line() -> None:
    found = read({"requirements.txt": "numpy\n-e .[a]\n./lib\n", "lib/x.py": ""})

    errors = [error for error in found.findings if error.code == "not_installable"]
    assert [(error.path, error.line) for error in errors] == [
        ("requirements.txt", 2),
        ("requirements.txt", 3),
    ]


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("./lib; os_name == 'nt'", Severity.ERROR),
        ("file:./lib; os_name == 'nt'", Severity.WARNING),
        ("lib @ file:./lib ; os_name == 'nt'", Severity.WARNING),
        ("lib @ file:./lib ; os_name == 'posix'", Severity.ERROR),
    ],
)
def test_a_url_is_opened_where_its_marker_holds_and_a_path_always(
    line: str, severity: Severity
) -> None:
    [empty] = read({"requirements.txt": line, "lib/x.py": ""}).findings[:1]
    [absent] = read({"requirements.txt": line}).findings[:1]

    assert (empty.code, empty.severity) == ("not_installable", severity)
    assert (absent.code, absent.severity) == ("missing_include", severity)
    assert all(
        ("would fail" in each.message) is (severity is Severity.ERROR)
        for each in (empty, absent)
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", "[project\n"),
        ("Pipfile", "a = \n"),
        ("Pipfile", "a = 1\na = 2\n"),
    ],
)
def test_broken_toml_is_shown_with_its_place(name: str, content: str) -> None:
    found = read({name: content})

    error = next(
        finding for finding in found.findings if finding.code == "syntax_error"
    )
    assert (error.severity, error.path) == (Severity.ERROR, name)
    assert error.line is not None
    assert error.column is not None
    assert found.meaning != read({name: "#\n" + content}).meaning


def test_a_broken_lock_counts_with_its_bytes() -> None:
    files = {"Pipfile": PIPFILE, "lib/setup.py": "", "Pipfile.lock": "{"}

    assert "syntax_error" in codes(read(files))
    assert read(files).meaning != read({**files, "Pipfile.lock": "{ "}).meaning


def test_several_definitions_are_said_and_which_one_wins() -> None:
    found = read({"requirements.txt": "a", "environment.yml": "", "pyproject.toml": UV})

    message = next(
        finding for finding in found.findings if finding.code == "several_definitions"
    )
    assert "requirements.txt wins" in message.message
    assert "environment.yml and pyproject.toml" in message.message


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "a", "pyproject.toml": "[tool.ruff]"},
        {"requirements.txt": "-e .", "pyproject.toml": UV},
        {"requirements.txt": "a", "pyproject.toml": "x ="},
    ],
)
def test_a_file_that_is_in_nobodys_way_is_not_mentioned(files: Files) -> None:
    assert "several_definitions" not in codes(read(files))


@pytest.mark.parametrize(
    "name",
    [
        ".vscode/extensions.json",
        "jupyterlab_extensions.txt",
        "init.d/a.sh",
        "Brewfile",
        "project.toml",
        "Procfile",
    ],
)
def test_files_beside_the_definition_that_change_the_image_count(name: str) -> None:
    files = {"app/requirements.txt": "a"}
    nothing, one, two = (
        Commit(entry).read("app")
        for entry in (
            files,
            {**files, f"app/{name}": "1"},
            {**files, f"app/{name}": "2"},
        )
    )

    assert isinstance(nothing, Definition)
    assert isinstance(one, Definition)
    assert isinstance(two, Definition)
    assert len({nothing.meaning, one.meaning, two.meaning}) == 3


@pytest.mark.parametrize("name", ["setup.py", "binder/environment.yml", "renv.lock"])
def test_a_likely_mistake_is_explained(name: str) -> None:
    found = Commit({name: ""}).read()

    assert isinstance(found, NoDefinition)
    assert [(finding.code, finding.path) for finding in found.findings] == [
        ("not_a_definition", name)
    ]


def test_a_context_directory_outside_is_no_definition() -> None:
    found = Commit({"requirements.txt": "a"}).read("../x")

    assert isinstance(found, NoDefinition)
    assert "outside" in found.message


@pytest.mark.parametrize("directory", ["app", "/app/", "./app", "x/../app"])
def test_a_context_directory_may_be_spelled_in_many_ways(directory: str) -> None:
    found = Commit({"app/requirements.txt": "a"}).read(directory)

    assert isinstance(found, Definition)
    assert found.path == "app/requirements.txt"


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("^3.12", "<4,>=3.12"),
        ("^0.2.3", "<0.3,>=0.2.3"),
        ("~3.9", "<3.10,>=3.9"),
        ("~3", "<4,>=3"),
        ("~=3.9", "~=3.9"),
        (">=3.9,<4", "<4,>=3.9"),
        (">= 3.9 < 4", "<4,>=3.9"),
        ("3.11", "==3.11"),
        ("3.11.*", "==3.11.*"),
        ("=3.11", "==3.11"),
        ("*", None),
        ("^3.9 || ^4", None),
        ("^x", None),
        ("^" + "9" * 5000, None),
        (None, None),
    ],
)
def test_python_of_poetry(constraint: str | None, expected: str | None) -> None:
    assert from_poetry(constraint) == expected


@pytest.mark.parametrize(
    ("dependency", "expected"),
    [
        ("python=3.9", "==3.9.*"),
        ("python =3.9", "==3.9.*"),
        ("python==3.9.1", "==3.9.1"),
        ("python 3.9.*", "==3.9.*"),
        ("python=3.9.*", "==3.9.*"),
        ("python=3.9=h1_0_cpython", "==3.9.*"),
        ("python >=3.9,<3.11", "<3.11,>=3.9"),
        ("conda-forge::python=3.12", "==3.12.*"),
        ("python=3.9|3.10", None),
        ("python[version='>3']", None),
        ("python", None),
        ("python-dateutil=2.9", None),
        ("ipython=8", None),
    ],
)
def test_python_of_conda(dependency: str, expected: str | None) -> None:
    assert from_conda(dependency) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [("3.12", "==3.12.*"), ("3.12.1", "==3.12.1"), ("pypy3", None), (None, None)],
)
def test_python_of_a_version_file(version: str | None, expected: str | None) -> None:
    assert from_version(version) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"setup.cfg": "[options]\npython_requires = {}\n", "setup.py": ""},
        {"setup.py": "from setuptools import setup\nsetup(python_requires='{}')\n"},
        {"pyproject.toml": "[project]\nname='x'\nrequires-python='{}'\n"},
        {"pyproject.toml": "[tool.poetry.dependencies]\npython = '{}'\n"},
    ],
)
def test_a_project_for_another_python_cannot_be_installed(
    files: dict[str, str],
) -> None:
    for python, is_refused in ((">=3.11", True), (">=3.10", False), ("<3.10", True)):
        written = {path: text.replace("{}", python) for path, text in files.items()}
        found = read({"requirements.txt": "-e .\n", **written})

        assert ("python_conflict" in codes(found)) == is_refused


def test_a_python_of_no_release_is_an_error_wherever_it_is_asked_for() -> None:
    conda = "dependencies: [python={}, numpy]"
    pipfile = "[packages]\n[requires]\npython_version = '{}'\n"
    for name, content in (("environment.yml", conda), ("Pipfile", pipfile)):
        for python, is_refused in (("3.99", True), ("3.12", False)):
            found = read({name: content.replace("{}", python)})

            assert ("no_interpreter" in codes(found)) == is_refused
