"""Writes what the pages say that the code knows better: `make docs`.

The values of the chart, their schema and their table are made of one model, in
scripts/chart/.

Between `<!-- generated: NAME -->` and `<!-- end -->` a page belongs to this script;
in docs/cases.md the last column does; docs/events/ is written as a whole.
"""

import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from inspect import getsource
from itertools import pairwise
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from pydantic.fields import FieldInfo

from scripts.chart.files import chart_files, chart_tables, settings_texts
from scripts.licences import licence_table
from scripts.rights import rights
from service import settings as settings_package
from service.domain.building import failure as failure_module
from service.domain.building.build import TRANSITIONS, BuildState
from service.domain.building.failure import FailureClass
from service.events.asyncapi import write
from service.metrics import Metrics
from service.settings import PREFIX, Section, Settings
from service.settings.renamed import RENAMED_SETTINGS
from service.settings.section import spelled

__all__ = ["ROOT", "cases", "named_for_cases", "pages"]

ROOT: Final = Path(__file__).parent.parent
SETTINGS: Final = "\n".join(
    path.read_text()
    for folder in settings_package.__path__
    for path in sorted(Path(folder).glob("*.py"))
)
NOTHING: Final = "**open**"
CASE_ROW: Final = re.compile(r"^\| (\d+) \| (.*?) \| .*? \|$", re.MULTILINE)
TEST: Final = re.compile(r"^(?:async )?def test_case_0*(\d+)_", re.MULTILINE)

COMPUTED: Final = {"data": "your data folder"}
"""Defaults that depend on the machine."""


def pages() -> dict[Path, str]:
    """Return every page that is generated in part, as it should be."""
    operating = ROOT / "docs" / "operating.md"
    architecture = ROOT / "ARCHITECTURE.md"
    kubernetes = ROOT / "docs" / "kubernetes.md"
    renamed = ROOT / "docs" / "renamed.md"
    chart = ROOT / "docs" / "chart.md"
    texts = settings_texts(_attribute_docstrings(SETTINGS))
    access = ROOT / "docs" / "rights.md"
    licences = ROOT / "docs" / "licences.md"
    return {
        licences: filled(licences, {"licences": licence_table()}),
        access: filled(access, {"rights": rights()}),
        operating: filled(operating, {"settings": settings(), "metrics": metrics()}),
        architecture: filled(architecture, {"states": states()}),
        kubernetes: filled(kubernetes, {"failures": failures()}),
        renamed: filled(renamed, {"renamed settings": renamed_settings()}),
        chart: filled(chart, chart_tables()),
        **chart_files(ROOT / "charts" / "relaunch", texts),
        ROOT / "docs" / "cases.md": cases((ROOT / "docs" / "cases.md").read_text()),
    }


def filled(page: Path, parts: Mapping[str, str]) -> str:
    """Return a page with its generated parts anew."""
    text = page.read_text()
    for name, content in parts.items():
        begin, end = f"<!-- generated: {name} -->", "<!-- end -->"
        head, found, rest = text.partition(begin)
        _, ended, tail = rest.partition(end)
        if not (found and ended):
            raise SystemExit(f"{page}: expected {begin} … {end}")
        text = f"{head}{begin}\n\n{content}\n\n{end}{tail}"
    return text


def settings() -> str:
    """Return the table of all settings."""
    rows = ["| variable | default | |", "|---|---|---|"]
    rows += [f"| `{name}` | {default} | {says} |" for name, default, says in _fields()]
    return "\n".join(rows)


def renamed_settings() -> str:
    """Return the table of the settings that had another name."""
    rows = ["| until 0.1.0 | now |", "|---|---|"]
    rows += [
        f"| `{PREFIX}{'_'.join(old).upper()}` | `{PREFIX}{'_'.join(new).upper()}` |"
        for old, new in RENAMED_SETTINGS.items()
    ]
    return "\n".join(rows)


def _fields() -> Iterator[tuple[str, str, str]]:
    said = _attribute_docstrings(SETTINGS)
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Section):
            for inner, field_info in group.model_fields.items():
                variable = f"{PREFIX}{name}_{inner}".upper()
                yield variable, _default(inner, field_info), said[group.__name__][inner]
        else:
            variable = f"{PREFIX}{name}".upper()
            yield variable, _default(name, field), said["Settings"][name]


def _default(name: str, field: FieldInfo) -> str:
    value = field.default
    match value:
        case _ if name in COMPUTED:
            return COMPUTED[name]
        case None | () | "":
            return ""
        case tuple():
            return f"`{json.dumps(value)}`"
        case bool():
            return f"`{str(value).lower()}`"
        case timedelta():
            return f"`{spelled(value)}`"
        case _:
            return f"`{value}`"


def _attribute_docstrings(source: str) -> dict[str, dict[str, str]]:
    """Return what stands below each field or member of each class of a source."""
    said: dict[str, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, below in pairwise(node.body):
            name, text = _field_name(field), _text(below)
            if name and text:
                said[node.name][name] = " ".join(text.split())
    return said


def _field_name(node: ast.stmt) -> str | None:
    match node:
        case ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return None


def _text(node: ast.stmt) -> str | None:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return None
    return node.value.value if isinstance(node.value.value, str) else None


def metrics() -> str:
    """Return the table of all metrics."""
    registry = CollectorRegistry()
    known = vars(Metrics(registry=registry)).values()
    rows = ["| metric | labels | |", "|---|---|---|"]
    for collector in (item for item in known if hasattr(item, "_labelnames")):
        (family,) = collector.describe()
        suffix = "_total" if family.type == "counter" else ""
        labels = ", ".join(f"`{labelname}`" for labelname in collector._labelnames)  # noqa: SLF001 - the library has no other way to ask
        rows.append(f"| `{family.name}{suffix}` | {labels} | {family.documentation} |")
    return "\n".join(rows)


def failures() -> str:
    """Return the table of the classes of failures."""
    said = _attribute_docstrings(getsource(failure_module))["FailureClass"]
    rows = ["| class | retried | |", "|---|---|---|"]
    for kind in FailureClass:
        at_once = "at once, then later" if kind.is_transient else "later"
        again = "no" if kind.is_final else at_once
        rows.append(f"| `{kind.word}` | {again} | {said[kind.name]} |")
    return "\n".join(rows)


def states() -> str:
    """Return the state table, a line a state."""
    lines = []
    for state in BuildState:
        moves = [
            f"{move.value} ▶ {after.value}"
            for (before, move), after in TRANSITIONS.items()
            if before is state
        ]
        lines.append(f"{state.value:<11} {' · '.join(moves) or 'final'}")
    return "```\n" + "\n".join(lines) + "\n```"


def cases(page: str) -> str:
    """Return the page of cases with the tests of each."""
    found = named_for_cases()

    def row(match: re.Match[str]) -> str:
        number, title = match.groups()
        files = found.get(int(number), Counter[str]())
        tests = ", ".join(_link(path, files[path]) for path in sorted(files))
        return f"| {number} | {title} | {tests or NOTHING} |"

    return CASE_ROW.sub(row, page)


def named_for_cases() -> dict[int, Counter[str]]:
    """Return, for each case, how many tests of which file are named for it."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for number in TEST.findall(path.read_text()):
            found[int(number)][path.relative_to(ROOT / "tests").as_posix()] += 1
    return found


def _link(path: str, count: int) -> str:
    times = f" ({count})" if count > 1 else ""
    return f"[{path}](../tests/{path}){times}"


def main() -> None:
    """Write everything."""
    write(ROOT / "docs" / "events")
    for page, text in pages().items():
        page.write_text(text)


if __name__ == "__main__":
    main()
