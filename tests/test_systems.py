"""What is compared: rankings of a local index and of a running server."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers import FRONT_MATTER, HashEncoder, QuietReporter, build_index, write_corpus

from evaluation import systems
from evaluation.judgments import JudgedSet, Query
from evaluation.systems import SystemFailure, local_systems, served_systems
from indexer.artifact import Artifact
from server.search import Searcher

PHOTO = Query("photo", "как сменить фото")
BY_SECTION = JudgedSet("sections", (PHOTO,), {"photo": {"profile#photo": 2}})
BY_ARTICLE = JudgedSet("articles", (PHOTO,), {"photo": {"profile": 1}})


@pytest.fixture(scope="module")
def searcher(artifact: Artifact, encoder: HashEncoder) -> Searcher:
    return Searcher(artifact, encoder)


def test_three_systems_of_an_index_rank_its_sections(searcher: Searcher):
    found = {system.name: system.rank(PHOTO) for system in local_systems(searcher, BY_SECTION)}
    assert list(found) == ["lexical", "semantic", "hybrid"]
    for ranking in found.values():
        assert ranking[0] == "profile#photo"
        assert len(ranking) == len(set(ranking))
        assert set(ranking) <= set(searcher.sections)
    # Words are in some of the sections, a cosine is there for each; nothing is capped at a few of one article.
    assert set(found["lexical"]) < set(found["semantic"]) == set(searcher.sections) == set(found["hybrid"])


@pytest.mark.parametrize("text", ["не приходит код", "пользователь не найден", "выйти на всех устройствах"])
@pytest.mark.parametrize("place", range(3))
def test_a_local_system_ranks_as_the_product_does(searcher: Searcher, text: str, place: int):
    ranking = local_systems(searcher, BY_SECTION)[place].rank(Query("any", text))
    result = searcher.search(text, limit=100, per_article=100, mode=systems.MODES[place])
    assert ranking == [hit.section_id for hit in result.hits]


def test_lexical_half_finds_nothing_for_words_that_the_help_lacks(searcher: Searcher):
    lexical, *_ = local_systems(searcher, BY_SECTION)
    assert lexical.rank(Query("any", "синхрофазотрон")) == []


def test_articles_are_ranked_once_each_at_their_best_section_when_articles_are_judged(searcher: Searcher):
    of_sections = local_systems(searcher, BY_SECTION)
    of_articles = local_systems(searcher, BY_ARTICLE)
    for sections, articles in zip(of_sections, of_articles, strict=True):
        expected: list[str] = []
        for section_id in sections.rank(PHOTO):
            article_id = section_id.partition("#")[0]
            if article_id not in expected:
                expected.append(article_id)
        assert articles.rank(PHOTO) == expected
        assert len(expected) > 1


def test_index_of_a_corpus_is_built_once_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # With HashEncoder in place of the model; where the index goes and that it is taken again is what counts here.
    def build(corpus: Path, index: Path, *, reporter: QuietReporter, model_name: str, adapter: bool) -> None:
        build_index(corpus, index, reporter=reporter)
        built_with_adapter.append(adapter)

    built_with_adapter: list[bool] = []

    monkeypatch.setattr(systems, "build", build)
    monkeypatch.setattr(systems, "open_encoder", lambda loaded: HashEncoder())
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    one = write_corpus(tmp_path / "one", {"a": FRONT_MATTER + "\nКошка спит.\n"})
    two = write_corpus(tmp_path / "two", {"b": FRONT_MATTER + "\nМышь не спит.\n"})

    first = systems.open_searcher(one, QuietReporter())
    assert list(first.sections) == ["a#top"]
    assert list(systems.open_searcher(two, QuietReporter()).sections) == ["b#top"]
    assert len(list((tmp_path / "cache" / "spravka" / "evaluation").iterdir())) == 2
    assert systems.open_searcher(one, QuietReporter()).artifact.generation == first.artifact.generation
    named = systems.open_searcher(one, QuietReporter(), tmp_path / "named")
    assert (tmp_path / "named" / "current").resolve().name == named.artifact.generation
    assert all(built_with_adapter)


def test_index_without_the_adapter_of_a_corpus_has_a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    places: dict[bool, Path] = {}

    def build(corpus: Path, index: Path, *, reporter: QuietReporter, model_name: str, adapter: bool) -> None:
        build_index(corpus, index, reporter=reporter)
        places[adapter] = index

    monkeypatch.setattr(systems, "build", build)
    monkeypatch.setattr(systems, "open_encoder", lambda loaded: HashEncoder())
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    corpus = write_corpus(tmp_path / "one", {"a": FRONT_MATTER + "\nКошка спит.\n"})
    for adapter in (True, False):
        systems.open_searcher(corpus, QuietReporter(), adapter=adapter)
    assert places[True] != places[False]


# A running server.


@dataclass
class Served:
    """A server that gives these replies one after another and keeps what it was asked."""

    url: str = ""
    replies: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[tuple[str, str | None, dict[str, object]]] = field(default_factory=list)  # path, type, body

    def will(self, status: int, body: object = None, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies.append((status, named, content))


@pytest.fixture
def served() -> Iterator[Served]:
    told = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = self.requestline.split()[1]  # as it was sent; self.path has lost a doubled slash
            told.asked.append((path, self.headers["Content-Type"], json.loads(body)))
            status, headers, content = told.replies.pop(0)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, without waiting."""
    seconds: list[float] = []
    monkeypatch.setattr("evaluation.systems.time.sleep", seconds.append)
    return seconds


def hits(*section_ids: str) -> dict[str, object]:
    return {
        "answerable": True,
        "hits": [{"section_id": name, "article_id": name.partition("#")[0], "score": 1.0} for name in section_ids],
    }


def lexical(served: Served, judged: JudgedSet = BY_SECTION) -> Callable[[Query], list[str]]:
    return served_systems(served.url, judged)[0].rank


def test_hits_of_a_server_are_a_ranking_of_sections_or_of_articles(served: Served):
    found = hits("profile#photo", "chats#create", "profile#name", "profile#photo")
    served.will(200, found)
    assert lexical(served)(PHOTO) == ["profile#photo", "chats#create", "profile#name"]
    served.will(200, found)
    assert lexical(served, BY_ARTICLE)(PHOTO) == ["profile", "chats"]


def test_reply_without_hits_is_an_empty_ranking(served: Served):
    served.will(200, hits())
    assert lexical(served)(PHOTO) == []


def test_each_mode_is_asked_for_with_all_that_a_server_gives(served: Served):
    for system in served_systems(served.url + "/", BY_SECTION):  # a slash at the end does not count
        served.will(200, hits("profile#photo"))
        system.rank(PHOTO)
    assert [path for path, _, _ in served.asked] == ["/v1/search"] * 3
    assert {kind for _, kind, _ in served.asked} == {"application/json"}
    assert [body for _, _, body in served.asked] == [
        {"query": "как сменить фото", "limit": 50, "per_article": 50, "mode": mode, "abstain": False}
        for mode in ("lexical", "semantic", "hybrid")
    ]


def test_systems_of_a_server_are_named_by_mode_and_address(served: Served):
    assert [system.name for system in served_systems("http://host:1", BY_SECTION)] == [
        "lexical at http://host:1",
        "semantic at http://host:1",
        "hybrid at http://host:1",
    ]


def test_busy_server_is_asked_again(served: Served):
    served.will(429, Retry_After="0")
    served.will(503, Retry_After="0")
    served.will(200, hits("profile#photo"))
    assert lexical(served)(PHOTO) == ["profile#photo"]
    first, *more = served.asked
    assert more == [first, first]


def test_waits_as_long_as_the_server_says_or_a_second(served: Served, slept: list[float]):
    served.will(503, Retry_After="7")
    served.will(503)
    served.will(200, hits())
    lexical(served)(PHOTO)
    assert slept == [7.0, 1.0]


def test_server_that_stays_busy_is_a_failure(served: Served, slept: list[float]):
    for _ in range(6):
        served.will(429, Retry_After="2")
    with pytest.raises(SystemFailure, match="answered 429; expected 200"):
        lexical(served)(PHOTO)
    assert slept == [2.0] * 4
    assert len(served.asked) == 5


@pytest.mark.parametrize("status", [400, 404, 500])
def test_error_of_a_server_is_a_failure_at_once(served: Served, slept: list[float], status: int):
    served.will(status, {"error": {"code": "internal", "message": "Внутренняя ошибка.", "field": None}})
    with pytest.raises(SystemFailure, match=f"/v1/search: answered {status}"):
        lexical(served)(PHOTO)
    assert (len(served.asked), slept) == (1, [])


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"\xff", b"[1]", {"results": []}],
    ids=["no JSON", "no text", "no object", "no hits"],
)
def test_reply_of_something_else_is_a_failure(served: Served, body: object):
    served.will(200, body)
    with pytest.raises(SystemFailure, match="expected JSON with hits; correct --url"):
        lexical(served)(PHOTO)


def test_reply_that_breaks_off_is_a_failure(served: Served):
    served.will(200, b'{"hits": []}', Content_Length="100")
    with pytest.raises(SystemFailure, match="no answer"):
        lexical(served)(PHOTO)


def test_refused_connection_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(SystemFailure, match=f"127.0.0.1:{port}/v1/search: no answer .* start it or correct --url"):
        served_systems(f"http://127.0.0.1:{port}", BY_SECTION)[0].rank(PHOTO)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "localhost", "file:///etc", "ftp://127.0.0.1", ""])
def test_address_that_is_not_http_is_refused(url: str):
    with pytest.raises(SystemFailure, match="no address of a server; expected http://host:port"):
        served_systems(url, BY_SECTION)[0].rank(PHOTO)
