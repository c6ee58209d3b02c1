"""`python -m server.mcp`: the help for language models, as tools of the Model Context Protocol.

The pair `search` and `fetch` is what ChatGPT's connectors ask for; other clients read the same. Every result comes
twice: structured, and as the same JSON in a text for clients that know no better.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from indexer.errors import ArtifactError, ModelError
from indexer.query_encoder import QueryEncoder
from indexer.sections import Section, with_parts
from indexer.stores.store import Filters
from indexer.words import clean
from server import VERSION, fitting
from server.addresses import article_url, section_url
from server.errors import QueryError
from server.fitting import Count
from server.keys import Key, KeyFile, KeysError
from server.live import Live
from server.schema import MAXIMUM_QUERY, Audience, Platform
from server.search import Searcher

try:
    import uvicorn
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import CallToolResult, TextContent, ToolAnnotations
    from starlette.responses import JSONResponse
    from starlette.types import ASGIApp, Receive, Scope, Send
except ModuleNotFoundError as error:
    raise SystemExit(f'server.mcp needs the package {error.name}: pip install "spravka-search[mcp]"') from error

MAXIMUM_TOKENS = 4_500  # of a result unless a call says otherwise: under 5,000 with what the protocol puts around it

_LOCAL = ("127.0.0.1", "localhost", "::1")

_INSTRUCTIONS = (
    "Справка службы поддержки. Сначала search — найти разделы по вопросу, затем при необходимости fetch — прочитать "
    "раздел или статью целиком. Отвечайте только по найденному тексту и давайте ссылку на раздел. Если ответа в "
    "справке нет, так и скажите."
)
_SEARCH = (
    "Ищет в справке поддержки разделы, которые отвечают на вопрос. Вызывайте, когда спрашивают, как что-то сделать, "
    "почему что-то не работает или что означает сообщение об ошибке. Передавайте вопрос словами пользователя, текст "
    "ошибки — дословно, вместе с кодом. Если answerable равно false, ответа в справке нет: это честный исход, скажите "
    "об этом прямо и ничего не додумывайте; можно один раз спросить другими словами. Текст, у которого complete равно "
    "false, показан не целиком: остальное даст fetch."
)
_FETCH = (
    "Возвращает раздел справки или всю статью по id из результатов search. Вызывайте, когда текста из search мало: "
    "он показан не целиком или нужна вся инструкция. Если next_offset не null, текст кончился раньше раздела: "
    "вызовите fetch ещё раз с этим offset."
)
_FOUND = "Найдено разделов: {count}."
_NOTHING = (
    "В справке нет ответа на этот вопрос. Так и скажите пользователю; можно один раз спросить другими словами или "
    "предложить ему обратиться в поддержку."
)


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True)


class Found(_Reply):
    """A section that was found."""

    id: Annotated[str, Field(description="id раздела для fetch")]
    title: Annotated[str, Field(description="путь от статьи до раздела")]
    url: Annotated[str, Field(description="адрес раздела для ссылки")]
    text: Annotated[str, Field(description="текст раздела: целые шаги и предложения")]
    complete: Annotated[bool, Field(description="false: текст показан не целиком")]


class SearchResult(_Reply):
    """What `search` gives."""

    answerable: Annotated[bool, Field(description="false: в справке ответа нет")]
    message: Annotated[str, Field(description="итог поиска словами")]
    results: Annotated[list[Found], Field(description="разделы, лучшие первыми; пусто, если ответа нет")]


class FetchResult(_Reply):
    """What `fetch` gives."""

    id: str
    title: str
    text: Annotated[str, Field(description="текст: целые шаги и предложения")]
    url: str
    metadata: Annotated[dict[str, str], Field(description="статья, дата обновления, платформы, для кого")]
    next_offset: Annotated[int | None, Field(description="с каким offset читать дальше; null — показано всё")]


class Tools:
    """The two tools, over the current generation of an index and those that follow it."""

    def __init__(self, live: Live, site: str = "") -> None:
        """`site` goes before the addresses of sections."""
        self._live, self._site = live, site.rstrip("/")

    def _searcher(self) -> Searcher:
        return self._live.now().seen_by(sees_internal=False).searcher

    def search(
        self, query: str, platform: str | None, audience: str | None, limit: int, max_tokens: int
    ) -> SearchResult:
        """The sections that answer a query in at most `max_tokens` tokens, the best first; none where none does.

        Raises ToolError for a query that has no text.
        """
        query = clean(query)
        if not query.strip():
            raise ToolError("Пустой запрос: передайте в query вопрос словами пользователя.")
        searcher = self._searcher()
        filters = Filters((platform,) if platform else (), (audience,) if audience else ())
        result = searcher.search(query, limit=limit, filters=filters)
        if not result.answerable:
            return SearchResult(answerable=False, message=_NOTHING, results=[])
        sections = [searcher.sections[hit.section_id] for hit in result.hits]
        return _fitted(
            [(section, self._address(section)) for section in sections], max_tokens, fitting.counter(searcher)
        )

    def fetch(self, wanted: str, offset: int, max_tokens: int) -> FetchResult:
        """A section with its parts, or an article, from piece `offset` on, in at most `max_tokens` tokens.

        Raises ToolError where there is none of this id, or nothing more of it, or where not one piece fits.
        """
        searcher = self._searcher()
        wanted = searcher.moved_sections.get(wanted) or searcher.moved_articles.get(wanted) or wanted
        sections, title, url = self._of(searcher, wanted)
        text = [piece for number, section in enumerate(sections) for piece in _headed(section, is_first=not number)]
        if offset and offset >= len(text):
            raise ToolError(f"offset={offset}: дальше текста нет. Всего частей {len(text)}, начните с offset=0.")
        head = searcher.articles[sections[0].article_id]
        about = {
            "article_id": head.article_id,
            "updated": head.updated,
            "platforms": ", ".join(sections[0].platforms) or "все",
            "audiences": ", ".join(sections[0].audiences) or "все",
        }
        empty = FetchResult(id=wanted, title=title, text="", url=url, metadata=about, next_offset=len(text))
        count = fitting.counter(searcher)
        room = max_tokens - count(empty.model_dump_json())
        while True:
            fitted = fitting.fit(text, room, _in_json(count), offset)
            if fitted.stop == offset and text:
                raise ToolError(f"max_tokens={max_tokens}: не помещается ни одно предложение. Увеличьте max_tokens.")
            more = fitted.stop if fitted.stop < len(text) else None
            whole = empty.model_copy(update={"text": fitted.text, "next_offset": more})
            if (over := count(whole.model_dump_json()) - max_tokens) <= 0 or not text:
                return whole
            room -= over

    def _of(self, searcher: Searcher, wanted: str) -> tuple[Sequence[Section], str, str]:
        """The sections of an id, their title and their address."""
        if section := searcher.sections.get(wanted):
            sections = list(with_parts(section, searcher.sections_of(section.article_id)))
            return sections, _title(section), self._address(section)
        if (head := searcher.articles.get(wanted)) and (whole := searcher.sections_of(wanted)):
            return whole, head.title, self._site + article_url(wanted)
        raise ToolError(f"В справке нет раздела или статьи с id «{wanted}». Возьмите id из результатов search.")

    def _address(self, section: Section) -> str:
        return self._site + section_url(section)


def _fitted(found: Sequence[tuple[Section, str]], max_tokens: int, count: Count) -> SearchResult:
    """The result with as much text as fits: the best sections whole, of a later one what room is left."""
    heads = [
        Found(id=section.section_id, title=_title(section), url=url, text="", complete=False) for section, url in found
    ]
    while True:
        empty = SearchResult(answerable=True, message=_FOUND.format(count=len(heads)), results=heads)
        room = max_tokens - count(empty.model_dump_json())
        while True:
            whole = empty.model_copy(update={"results": _filled(heads, found, room, count)})
            # Joined, texts may have a token or two more than one by one.
            if (over := count(whole.model_dump_json()) - max_tokens) <= 0 or room <= 0:
                break
            room -= over
        # Where the best section has a text and gets none of it, others make room for it.
        best = whole.results[0]
        if best.text or best.complete or len(heads) == 1:
            return whole
        heads.pop()


def _filled(heads: Sequence[Found], found: Sequence[tuple[Section, str]], room: int, count: Count) -> list[Found]:
    """The results with so many tokens of their texts together."""
    results = []
    for head, (section, _) in zip(heads, found, strict=False):
        text = fitting.pieces(section)
        fitted = fitting.fit(text, room, _in_json(count))
        room -= fitted.tokens
        results.append(head.model_copy(update={"text": fitted.text, "complete": fitted.stop == len(text)}))
    return results


def _in_json(count: Count) -> Count:
    """How many tokens a text has in a result, where line breaks and quotation marks are written with a backslash."""
    return lambda text: count(_Text(text=text).model_dump_json()[len('{"text":"') : -len('"}')])


class _Text(_Reply):
    text: str


def _headed(section: Section, *, is_first: bool) -> list[str]:
    """The pieces of a section, the first with the heading; what is asked for itself has it as its title."""
    text = fitting.pieces(section) or [""]
    if is_first:
        return text
    heading = f"\n\n{'#' * section.level} {section.headings[-1] if section.headings else section.article_id}\n"
    return [heading + text[0], *text[1:]]


def _title(section: Section) -> str:
    return " › ".join(section.headings) or section.article_id


def create_server(tools: Tools) -> MCPServer[Any]:
    """The MCP server with these tools."""
    server: MCPServer[Any] = MCPServer(
        "spravka", title="Справка", instructions=_INSTRUCTIONS, version=VERSION, log_level="WARNING"
    )
    reading = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    most = Field(ge=500, le=50_000, description="сколько токенов может занять ответ")

    @server.tool(title="Поиск по справке", description=_SEARCH, annotations=reading)
    def search(
        query: Annotated[str, Field(max_length=MAXIMUM_QUERY, description="вопрос или текст ошибки, дословно")],
        platform: Annotated[Platform | None, Field(description="где работает пользователь, если известно")] = None,
        audience: Annotated[Audience | None, Field(description="user — пользователь, admin — администратор")] = None,
        limit: Annotated[int, Field(ge=1, le=20, description="сколько разделов нужно")] = 5,
        max_tokens: Annotated[int, most] = MAXIMUM_TOKENS,
    ) -> Annotated[CallToolResult, SearchResult]:
        return _both(tools.search(query, platform, audience, limit, max_tokens))

    @server.tool(title="Раздел справки целиком", description=_FETCH, annotations=reading)
    def fetch(
        id: Annotated[str, Field(max_length=300, description="id раздела или статьи")],
        offset: Annotated[int, Field(ge=0, description="next_offset прошлого ответа; 0 — с начала")] = 0,
        max_tokens: Annotated[int, most] = MAXIMUM_TOKENS,
    ) -> Annotated[CallToolResult, FetchResult]:
        return _both(tools.fetch(id, offset, max_tokens))

    return server


def _both(result: SearchResult | FetchResult) -> CallToolResult:
    text = TextContent(type="text", text=result.model_dump_json())
    return CallToolResult(content=[text], structured_content=result.model_dump(mode="json"))


class KeyRequired:
    """Lets in who sends a key with the scope `search`, as the server does with `--require-key search`."""

    def __init__(self, app: ASGIApp, keys: KeyFile) -> None:
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers 401 or 403."""
        refusal = self._refusal(dict(scope["headers"])) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        headers = {"WWW-Authenticate": 'Bearer realm="spravka"'} if refusal.status == 401 else {}
        await JSONResponse(refusal.body(), refusal.status, headers)(scope, receive, send)

    def _refusal(self, headers: dict[bytes, bytes]) -> QueryError | None:
        scheme, _, sent = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return QueryError(401, "key_required", "Нужен ключ доступа: заголовок «Authorization: Bearer …».")
        key = self._keys.checked(sent.strip())
        if not isinstance(key, Key):
            return QueryError(401, key, "Ключ доступа не подходит. Проверьте ключ или запросите новый.")
        if "search" not in key.allowed:
            return QueryError(403, "scope_missing", "У ключа нет нужного права: search.")
        return None


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m server.mcp", description="Give the help to language models (MCP): over stdio, or over HTTP."
    )
    parser.add_argument("--index", type=Path, default=Path("index"), help="folder of the index (default: index)")
    parser.add_argument("--http", type=_place, metavar="HOST:PORT", help="serve http://HOST:PORT/mcp (default: stdio)")
    parser.add_argument(
        "--site", default="", metavar="URL", help="where the pages of the help are, such as https://help.example.ru"
    )
    parser.add_argument("--hide-internal", action="store_true", help="leave out what is internal or for administrators")
    parser.add_argument("--data", type=Path, help="folder of the keys: HTTP then wants one with the scope search")
    return parser


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f'"{text}" is no place to listen at; expected such as 127.0.0.1:8001')
    return host.strip("[]"), int(port)


def main(arguments: list[str] | None = None, encoder: QueryEncoder | None = None) -> int:
    """Serves until stdin ends or a signal comes; 1 says that the index or the keys cannot be used, 2 is wrong usage.

    `encoder` stands in for the model of the index.
    """
    options = parser().parse_args(arguments)
    if options.http and options.http[0] not in _LOCAL and not options.data:
        print(f"--http {options.http[0]}: open to other machines; add --data FOLDER with keys", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.WARNING)  # on stderr: stdout is the protocol's
    try:
        live = Live(options.index, encoder, hide_internal=options.hide_internal)
        keys = KeyFile(options.data) if options.data else None
        if keys:
            keys.read()
    except (ArtifactError, ModelError, KeysError) as error:
        print(error, file=sys.stderr)
        return 1
    tools = Tools(live, options.site)
    live.now().searcher.search("проверка")  # opens what the first question would wait for
    live.watch()
    server = create_server(tools)
    if options.http:
        host, port = options.http
        # Without sessions: any replica may answer the next request.
        app: ASGIApp = server.streamable_http_app(host=host, json_response=True, stateless_http=True)
        uvicorn.run(KeyRequired(app, keys) if keys else app, host=host, port=port, log_level="warning")
    else:
        server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
