"""docs/integrations.md does what it says."""

import json
import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from serving import served

from server import mcp
from server.app import create_app

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SERVER = "http://127.0.0.1:8000"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split("import ")[1].split("\n")[0])
def test_example_runs_and_prints_an_answer(example, built_index, encoder):
    assert SERVER in example
    with served(create_app(built_index, encoder)) as site, redirect_stdout(StringIO()) as printed:
        exec(compile(example.replace(SERVER, site), "docs/integrations.md", "exec"), {})
    assert re.search("Настройки|notifications#", printed.getvalue())


def test_there_is_an_example_for_the_client_and_for_langchain():
    assert len(EXAMPLES) == 2


def test_commands_of_mcp_exist():
    (settings,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))
    commands = [shlex.split(each) for each in re.findall(r"python -m server\.mcp([^#\n]*)", TEXT)]
    commands.append(settings["mcpServers"]["spravka"]["args"][2:])
    assert len(commands) == 3
    for command in commands:
        mcp.parser().parse_args(command)


def test_table_names_what_the_tools_take_and_give():
    assert f"`max_tokens` ({mcp.MAXIMUM_TOKENS})" in TEXT
    for model in (mcp.SearchResult, mcp.Found, mcp.FetchResult):
        assert all(f"`{name}`" in TEXT for name in model.model_fields)


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT))
def test_every_file_that_it_points_to_is_there(target):
    assert (ROOT / "docs" / target).exists()
