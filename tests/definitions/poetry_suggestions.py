"""Projects without [tool.poetry], and what poetry 1 reads in the lines suggested."""

SUGGESTIONS: tuple[tuple[str, str, tuple[str, list[str]]], ...] = (
    ("no python", "dependencies = ['six']", ("~3.12", ["six"])),
    ("series", "requires-python = '3.11'\ndependencies = []", ("3.11.9", [])),
    ("series =", "requires-python = '== 3.11'\ndependencies = []", ("3.11.9", [])),
    ("major", "requires-python = '3'\ndependencies = []", ("3.11.9", [])),
    ("range", "requires-python = '>=3.10,<3.13'\ndependencies = []", ("3.11.9", [])),
    ("no version", "requires-python = '===3.11'\ndependencies = []", ("~3.12", [])),
    (
        "dotted name",
        "dependencies = ['ruamel.yaml>=0.17', 'Idna[all]; os_name == \"x\"']",
        ("~3.12", ["idna", "ruamel-yaml"]),
    ),
    (
        "one name twice",
        "dependencies = [\"six<2; os_name == 'x'\", \"Six>=1; os_name != 'x'\"]",
        ("~3.12", ["six", "six"]),
    ),
    (
        "from git",
        "dependencies = ['a @ git+https://h.invalid/a.git@v1#subdirectory=p']",
        ("~3.12", ["a"]),
    ),
    (
        "from elsewhere",
        "dependencies = ['b @ git+ssh://git@h.invalid/o/b.git', 'c @ https://h.i/c.zip']",
        ("~3.12", ["b", "c"]),
    ),
    ("unreadable", "dependencies = ['numpy^1.26', 'six']", ("~3.12", ["six"])),
    ("conda's", "dependencies = ['numpy=1.26']", ("~3.12", [])),
    ("exact text", "dependencies = ['numpy===1.26']", ("~3.12", [])),
    ("other versions", "dependencies = ['a @ hg+https://h.invalid/a']", ("~3.12", [])),
    ("a table", "[project.dependencies]\nnumpy = '1.26'", ("~3.12", [])),
)
"""The rest of [project]; a Python that is allowed, or the one suggested; packages."""

LOST = {
    "unreadable": "numpy^1.26",
    "conda's": "numpy=1.26",
    "exact text": "numpy===1.26",
    "other versions": "a @ hg+https://h.invalid/a",
    "a table": "numpy",
}
"""What cannot be taken over, and is named."""
