"""SECURITY.md names the tests that show its promises: they are there, and hold tests."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| (?P<promise>[^|]+) \| (?P<shown>[^|]+) \|$", re.MULTILINE)
PROMISES = [
    (row["promise"], re.findall(r"`([^`]+)`", row["shown"]))
    for row in ROW.finditer((ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    if row["promise"] not in ("Promise", "---")
]


def named_in(path: Path) -> set[str]:
    """The names of a file's tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_there_are_promises():
    assert len(PROMISES) > 15


@pytest.mark.parametrize(("promise", "shown"), PROMISES, ids=[promise[:60] for promise, _ in PROMISES])
def test_promise_names_tests_that_are_there(promise: str, shown: list[str]):
    assert shown, f"SECURITY.md: «{promise}» names no test; expected `tests/test_….py` or `make …`; name one"
    for name in shown:
        file, _, test = name.partition("::")
        if file.startswith("make "):
            assert f"\n{file.removeprefix('make ')}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
            continue
        if file.startswith("python -m evaluation "):
            assert (ROOT / "evaluation" / "commands" / f"{file.split()[3]}.py").is_file(), name
            continue
        assert file.startswith("tests/test_"), name
        assert (ROOT / file).is_file(), f"SECURITY.md: {file} is not there; name the file that shows «{promise}»"
        found = named_in(ROOT / file)
        assert found
        assert not test or test in found, f"SECURITY.md: {file} has no {test}; name the test that shows «{promise}»"
