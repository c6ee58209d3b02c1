"""The MCP server: what its tools give, and both transports with the official client."""

import dataclasses
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import httpx2
import jsonschema
import pytest
from helpers import FRONT_MATTER, HashEncoder, build_index, in_a_thread_of_its_own, write_corpus
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver.exceptions import ToolError

from server import mcp
from server.fitting import counter
from server.keys import KeyFile
from server.live import Live
from server.mcp import MAXIMUM_TOKENS, SearchResult, Tools, create_server, main

TESTS = Path(__file__).parent
SITE = "https://help.example.org"
QUERY = "не приходят уведомления"


@pytest.fixture(scope="module")
def tools(built_index, encoder):
    return Tools(Live(built_index, encoder), SITE)


@pytest.fixture(scope="module")
def real_tools(real_app):
    return Tools(real_app.extensions["live"], SITE)


def asked(server, *calls):
    """What the official client gets for these calls (tool, arguments) over a transport."""

    async def ask():
        async with Client(server, read_timeout_seconds=60) as client:
            return (await client.list_tools()).tools, [await client.call_tool(*call) for call in calls]

    return in_a_thread_of_its_own(lambda: anyio.run(ask))


def found(tools, query=QUERY, platform=None, audience=None, limit=5, max_tokens=MAXIMUM_TOKENS):
    return tools.search(query, platform, audience, limit, max_tokens)


# The tools


def test_search_gives_ids_titles_addresses_and_whole_texts(tools, sections_by_id):
    result = found(tools)
    assert result.answerable
    for each in result.results:
        section = sections_by_id[each.id]
        assert (each.text, each.complete) == (section.text, True)
        assert each.title == " › ".join(section.headings)
        assert each.url.startswith(f"{SITE}/articles/{section.article_id}#")
    assert result.message == f"Найдено разделов: {len(result.results)}."


def test_search_keeps_to_platform_audience_and_limit(tools, sections_by_id):
    result = found(tools, "обновить сервер", platform="ios", audience="user", limit=2)
    assert len(result.results) <= 2
    for each in result.results:
        section = sections_by_id[each.id]
        assert not section.platforms or "ios" in section.platforms
        assert not section.audiences or "user" in section.audiences


@pytest.mark.model
def test_no_answer_is_told_in_words_and_without_results(real_tools):
    result = found(real_tools, "рецепт борща со сметаной")
    assert (result.answerable, result.results) == (False, [])
    assert result.message.startswith("В справке нет ответа")


@pytest.mark.parametrize("query", ["", " \n", "\u200b"])
def test_query_without_text_is_refused_in_words(tools, query):
    with pytest.raises(ToolError, match="Пустой запрос"):
        found(tools, query)


@pytest.mark.model
def test_a_best_section_without_a_text_costs_the_others_nothing(sections_by_id):
    first, second = list(sections_by_id.values())[:2]
    pairs = [(dataclasses.replace(first, text=""), f"{SITE}/1"), (second, f"{SITE}/2")]
    results = mcp._fitted(pairs, MAXIMUM_TOKENS, lambda text: len(text.split())).results
    assert [(each.text, each.complete) for each in results] == [("", True), (second.text, True)]


@pytest.mark.parametrize("max_tokens", [500, 1500, MAXIMUM_TOKENS])
def test_results_keep_to_their_tokens_by_the_tokenizer_of_the_index(real_tools, real_searcher, max_tokens):
    count = counter(real_searcher)
    for query in (
        "не приходят уведомления",
        "не приходит код из смс",
        "как удалить сообщение",
        "как включить тёмную тему",
    ):
        result = found(real_tools, query, limit=20, max_tokens=max_tokens)
        assert count(result.model_dump_json()) <= max_tokens
        assert result.answerable == (len(result.results) > 0)
        assert not result.answerable or result.results[0].text
        for each in result.results:
            section = real_searcher.sections[each.id]
            assert section.text.startswith(each.text)
            assert each.complete == (each.text == section.text)
    article = real_tools.fetch("notifications", 0, max_tokens)
    assert count(article.model_dump_json()) <= max_tokens


def test_fetch_gives_a_section_with_its_address_and_metadata(tools, sections_by_id):
    section = next(each for each in sections_by_id.values() if each.platforms and each.text)
    result = tools.fetch(section.section_id, 0, MAXIMUM_TOKENS)
    assert (result.id, result.title, result.text) == (section.section_id, " › ".join(section.headings), section.text)
    assert result.url == f"{SITE}/articles/{section.article_id}#{section.anchor}"
    assert result.metadata["platforms"] == ", ".join(section.platforms)
    assert result.metadata["article_id"] == section.article_id
    assert result.next_offset is None


def test_fetch_reads_an_article_through_piece_by_piece(tools, artifact):
    head = artifact.articles[0]
    whole, parts, offset = tools.fetch(head.article_id, 0, 50_000), [], 0
    assert (whole.title, whole.next_offset) == (head.title, None)
    for section in artifact.sections:
        if section.article_id == head.article_id:
            assert section.text in whole.text
    while offset is not None:
        part = tools.fetch(head.article_id, offset, 400)
        parts.append(part.text)
        offset = part.next_offset
    assert " ".join(" ".join(parts).split()) == " ".join(whole.text.split())


def test_fetch_knows_ids_of_before(tmp_path, encoder):
    text = FRONT_MATTER.replace("---\n", "---\naliases: [old]\n", 1)
    write_corpus(tmp_path / "corpus", {"new": text + "\nВведение.\n\n## Раздел {#now}\n{alias=before}\n\nТекст.\n"})
    build_index(tmp_path / "corpus", tmp_path / "index")
    tools = Tools(Live(tmp_path / "index", encoder))
    assert tools.fetch("new#before", 0, 500).id == "new#now"
    assert tools.fetch("old", 0, 500).text == "Введение.\n\n## Раздел\nТекст."
    assert tools.fetch("old", 0, 500).url == "/articles/new"


def test_fetch_says_what_to_do_where_it_has_nothing(tools, artifact):
    with pytest.raises(ToolError, match="Возьмите id из результатов search"):
        tools.fetch("нет#такого", 0, 500)
    with pytest.raises(ToolError, match="начните с offset=0"):
        tools.fetch(artifact.articles[0].article_id, 9999, 500)
    with pytest.raises(ToolError, match="Увеличьте max_tokens"):
        tools.fetch(artifact.articles[0].article_id, 0, 20)


def test_internal_sections_are_hidden_where_the_server_hides_them(tmp_path, encoder):
    open_, hidden = "\nЛампа горит.\n", "\n## Люк {#hatch}\n{audience=admin}\n\nОткройте мрыкающий люк.\n"
    write_corpus(tmp_path / "corpus", {"house": FRONT_MATTER + open_ + hidden})
    build_index(tmp_path / "corpus", tmp_path / "index")
    hiding = Tools(Live(tmp_path / "index", encoder, hide_internal=True))
    showing = Tools(Live(tmp_path / "index", encoder))
    assert "house#hatch" in [each.id for each in found(showing, "мрыкающий люк").results]
    assert "люк" not in found(hiding, "мрыкающий люк").model_dump_json().replace("мрыкающий люк", "")
    assert "люк" not in hiding.fetch("house", 0, 500).text
    with pytest.raises(ToolError):
        hiding.fetch("house#hatch", 0, 500)


def test_tools_follow_to_the_next_generation(tmp_path, encoder):
    corpus = write_corpus(tmp_path / "corpus", {"house": FRONT_MATTER + "\nЛампа горит.\n"})
    build_index(corpus, tmp_path / "index")
    live = Live(tmp_path / "index", encoder)
    tools = Tools(live)
    assert found(tools, "лампа").results[0].text == "Лампа горит."
    (corpus / "articles" / "house.md").write_text(FRONT_MATTER + "\nЛампа погасла.\n", encoding="utf-8")
    build_index(corpus, tmp_path / "index")
    live.reload()
    assert found(tools, "лампа").results[0].text == "Лампа погасла."


# What a model is told


def test_descriptions_tell_when_to_call_and_that_no_answer_is_one(tools):
    by_name = {tool.name: tool for tool in asked(create_server(tools))[0]}
    assert set(by_name) == {"search", "fetch"}
    assert "Вызывайте, когда" in by_name["search"].description
    assert "честный исход" in by_name["search"].description
    for tool in by_name.values():
        assert tool.annotations.read_only_hint
        for name, told in tool.input_schema["properties"].items():
            assert told.get("description"), name
    assert by_name["search"].input_schema["required"] == ["query"]
    assert by_name["fetch"].input_schema["required"] == ["id"]
    # Names that ChatGPT asks for.
    assert {"id", "title", "url"} <= set(by_name["search"].output_schema["$defs"]["Found"]["required"])
    assert {"id", "title", "text", "url", "metadata"} <= set(by_name["fetch"].output_schema["required"])


def test_arguments_out_of_bounds_are_an_error_for_the_model(tools):
    calls = [{"query": "чат", "limit": 21}, {"query": "чат", "platform": "symbian"}, {"query": "чат" * 9000}, {}]
    _, results = asked(create_server(tools), *[("search", call) for call in calls])
    assert [result.is_error for result in results] == [True] * 4


# Both transports


def command(index, *more):
    return [sys.executable, str(TESTS / "mcp_server.py"), "--index", str(index), "--site", SITE, *more]


def check(tools, results):
    """Search and fetch came structured, as their schemas say, and as the same JSON in words."""
    schemas = {tool.name: tool.output_schema for tool in tools}
    for name, result in zip(("search", "fetch"), results, strict=True):
        assert not result.is_error
        jsonschema.validate(result.structured_content, schemas[name])
        assert json.loads(result.content[0].text) == result.structured_content
    assert results[0].structured_content["results"][0]["id"].startswith("notifications#")
    assert results[1].structured_content["url"] == f"{SITE}/articles/notifications"


CALLS = [("search", {"query": QUERY}), ("fetch", {"id": "notifications"})]


def test_official_client_searches_and_fetches_over_stdio(built_index):
    python, *rest = command(built_index)
    server = StdioServerParameters(command=python, args=rest, env={"PYTHONPATH": str(TESTS.parent)})
    check(*asked(server, *CALLS))


@contextmanager
def over_http(*arguments):
    """The address of the server in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [*command(*arguments), "--http", f"127.0.0.1:{port}"]
    with subprocess.Popen(started, cwd=TESTS.parent, env={"PYTHONPATH": str(TESTS.parent)}) as process:
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end and process.poll() is None:
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            process.wait(20)


@asynccontextmanager
async def with_key(address, secret):
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {secret}"}) as sender,
        streamable_http_client(address, http_client=sender) as streams,
    ):
        yield streams


def status(address, **headers):
    """Of a request that lists the tools."""
    told = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
    sent = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"} | headers
    try:
        with urllib.request.urlopen(urllib.request.Request(address, told, sent), timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_official_client_searches_and_fetches_over_http_with_a_key(built_index, tmp_path):
    keys = KeyFile(tmp_path / "data")
    good, other = keys.add("model", ["search"]).secret, keys.add("votes", ["feedback"]).secret
    with over_http(built_index, "--data", str(tmp_path / "data")) as address:
        check(*asked(with_key(address, good), *CALLS))
        for secret, code, name in (("", 401, "key_required"), ("spravka_0_0", 401, "key_invalid")):
            told = status(address, **({"Authorization": f"Bearer {secret}"} if secret else {}))
            assert (told[0], json.loads(told[1])["error"]["code"]) == (code, name)
        assert status(address, Authorization=f"Bearer {other}")[0] == 403
        # A page of another site that a browser leads to this machine.
        assert status(address, Authorization=f"Bearer {good}", Host="evil.example")[0] == 421


def test_http_for_other_machines_wants_keys(built_index, capsys):
    assert main(["--index", str(built_index), "--http", "0.0.0.0:8001"], HashEncoder()) == 2
    assert "add --data FOLDER" in capsys.readouterr().err


def test_index_that_is_not_there_is_told_in_a_line(tmp_path, capsys):
    assert main(["--index", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize("place", ["8001", "127.0.0.1:", "127.0.0.1:99999", ":80"])
def test_place_that_is_none_is_refused(place, capsys):
    with pytest.raises(SystemExit):
        mcp.parser().parse_args(["--http", place])
    assert "expected such as 127.0.0.1:8001" in capsys.readouterr().err


def test_result_is_the_same_in_words(tools):
    _, (result,) = asked(create_server(tools), ("search", {"query": QUERY}))
    assert SearchResult.model_validate_json(result.content[0].text) == found(tools)
