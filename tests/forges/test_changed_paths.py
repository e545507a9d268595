"""Which files of definitions a push says that it changed."""

import json
import time
from typing import Any

import pytest

from service.domain.hook import Proof
from service.forges.changed_paths import (
    MAX_PATHS,
    likeliest_paths,
    read_changed_paths,
)
from tests.support.deliveries import a_commit, a_hook, a_push, some_facts


@pytest.mark.parametrize("proof", [Proof.HMAC, Proof.SECRET_TOKEN])
def test_what_forges_list_of_a_push_is_found(proof: Proof) -> None:
    commits = [
        a_commit(added=("libs/new/pyproject.toml", "libs/new/x.c"), removed=("a.txt",)),
        a_commit(modified=("README.md", "requirements.txt")),
    ]
    post = a_push(a_hook(proof), some_facts(commits=commits))

    found = read_changed_paths(post.body)

    assert found == ("requirements.txt", "libs/new/pyproject.toml")


def test_of_a_directory_without_definitions_one_file_shows_that_it_changed() -> None:
    found = likeliest_paths(
        ("src/a/b.py", "src/a/logo.png", "data/2.bin", "data/1.bin"),
        removed=("src/gone/old.py", "data/0.bin", "data/../x"),
    )

    assert found == ("src/a/b.py", "data/0.bin", "src/gone/old.py")


def test_files_of_definitions_come_before_what_they_may_include() -> None:
    found = likeliest_paths(
        ("a/b.py", "docs/index.txt", "requirements/dev.txt", "deep/er/uv.lock", "x.md")
    )

    assert found == (
        "deep/er/uv.lock",
        "requirements/dev.txt",
        "docs/index.txt",
        "a/b.py",
        "x.md",
    )


@pytest.mark.parametrize(
    "path", ["", "/x.txt", "a//x.txt", "../x.txt", "a/./x.txt", "x\n.txt", "y" * 300]
)
def test_what_is_no_path_of_a_tree_is_left_out(path: str) -> None:
    assert likeliest_paths([path]) == ()


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {},
        {"commits": None},
        {"commits": {}},
        {"commits": [7]},
        {"commits": [{"added": "requirements.txt"}]},
        {"commits": [{"added": [{}]}]},
        {"commits": [{"added": ["\ud800.txt"]}]},
    ],
    ids=str,
)
def test_a_payload_of_another_kind_names_nothing(payload: Any) -> None:
    assert read_changed_paths(json.dumps(payload).encode()) == ()


@pytest.mark.parametrize("body", [b"", b"payload=%7B%7D", b"\xff", b"[" * 90_000])
def test_a_body_that_is_no_json_names_nothing(body: bytes) -> None:
    assert read_changed_paths(body) == ()


def test_a_push_of_many_files_costs_little_and_names_a_few() -> None:
    added = [f"{number}.txt" for number in range(10_000)]
    many = json.dumps({"commits": [{"added": added}]}).encode()
    began = time.thread_time()

    found = read_changed_paths(many)

    assert len(found) == MAX_PATHS
    assert time.thread_time() - began < 0.05
    assert read_changed_paths(many + b" " * 100_000) == ()


def test_a_push_of_commits_that_name_nothing_costs_little() -> None:
    body = b'{"commits":[' + b",".join([b"{}"] * 40_000) + b"]}"
    began = time.thread_time()

    assert read_changed_paths(body) == ()

    assert time.thread_time() - began < 0.05
