"""The README's commands do what it says; those marked long or external are parsed, not run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.__main__ import _parser as evaluation_parser
from indexer.__main__ import _parser as indexer_parser
from server.__main__ import parser_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# (mark, command): the mark is the HTML comment before the block, "" where there is none.
COMMANDS = [
    (mark.strip("<!- >"), line.partition(" #")[0].strip())
    for mark, block in re.findall(r"(<!-- (?:long|external) -->\n)?```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
PYTHON = ".venv/bin/python -m "


def test_readme_has_commands_to_check():
    assert sum(not mark.startswith(("long", "external")) for mark, _ in COMMANDS) >= 4


@pytest.mark.parametrize("command", [command for _, command in COMMANDS if command.startswith(PYTHON)])
def test_every_command_is_one_that_exists(command):
    room, *arguments = shlex.split(command.removeprefix(PYTHON))
    if room == "server":
        parser, rest = parser_of(arguments)
        parser.parse_args(rest)
    else:
        {"indexer": indexer_parser, "evaluation": evaluation_parser}[room]().parse_args(arguments)


@pytest.mark.model
@pytest.mark.parametrize(
    "command", [command for mark, command in COMMANDS if command.startswith(PYTHON) and not mark.strip()]
)
def test_short_commands_run_and_print_something(command, tmp_path, real_index):
    # In a folder with the corpus and its index, as after `make index`, so that nothing of the checkout is touched.
    (tmp_path / "corpus").symlink_to(ROOT / "corpus")
    (tmp_path / "index").symlink_to(real_index)
    arguments = [sys.executable, "-m", *shlex.split(command.removeprefix(PYTHON))]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_every_file_that_readme_points_to_is_there(target):
    assert (ROOT / target).exists()


@pytest.mark.parametrize("command", [command for _, command in COMMANDS if command.startswith("make ")])
def test_every_make_target_exists(command):
    assert re.search(rf"^{command.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
