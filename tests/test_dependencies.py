"""Imports point one way, between the rooms and from later stages to earlier ones."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each room may import itself and those after it.
ROOMS = ["evaluation", "server", "indexer"]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_comes_before_them(room):
    forbidden = set(ROOMS[: ROOMS.index(room)])
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for name in imports(path)
        if name.split(".")[0] in forbidden
    ]
    assert wrong == []


def test_the_indexer_knows_nothing_of_the_web():
    used = {name.split(".")[0] for path in (ROOT / "indexer").rglob("*.py") for name in imports(path)}
    assert not used & {"flask", "werkzeug", "gunicorn", "jinja2"}


@pytest.mark.parametrize("room", ROOMS)
def test_no_two_modules_import_each_other_at_the_top(room):
    modules = {f"{room}.{path.stem}": path for path in (ROOT / room).glob("*.py")}
    arrows = {}
    for name, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        found = set()
        for node in ast.walk(top):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        arrows[name] = found & modules.keys() - {name}
    while arrows:
        free = [name for name, needs in arrows.items() if not needs & arrows.keys()]
        assert free, f"these import each other: {sorted(arrows)}"
        arrows = {name: needs for name, needs in arrows.items() if name not in free}
