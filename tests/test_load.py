"""How fast a running server answers: what is counted, and what is asked."""

import json
import math
import re
import signal
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from helpers import HashEncoder
from hypothesis import given
from hypothesis import strategies as st
from serving import served

import evaluation.__main__ as cli
from evaluation import endpoints
from evaluation.endpoints import Client, Endpoint, Reply, search_endpoint, server_version
from evaluation.judgments import JudgmentError, digest, read_judged
from evaluation.load import Load, measure, percentile, unseen
from evaluation.systems import SystemFailure
from server.app import create_app

REPLY = {"hits": [], "took_ms": 7.0}
VERSION = {"version": "1", "generation": "g", "model": "m", "encoder": "e"}
TEXTS = ["как сменить фото", "звук", "не приходит код из смс", "айфон молчит"]

Answer = tuple[int, object]  # status, body; no status breaks the connection


@dataclass
class Engine:
    """A server that answers as told and keeps what it was asked."""

    url: str = ""
    answer: Callable[[str], Answer] = lambda query: (200, REPLY)
    version: Answer = (200, VERSION)
    asked: list[dict[str, Any]] = field(default_factory=list)
    connections: list[object] = field(default_factory=list)  # of each request
    delay: float = 0.0  # seconds between the head and the body of a reply

    @property
    def texts(self) -> list[str]:
        return [body["query"] for body in self.asked]


@pytest.fixture
def engine() -> Iterator[Engine]:
    told = Engine()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept
        disable_nagle_algorithm = True

        def asked_path(self) -> str:
            return self.requestline.split()[1]  # as it was sent; self.path has lost a doubled slash

        def do_GET(self) -> None:
            self.reply(*(told.version if self.asked_path() == "/version" else (404, {})))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append(body)
            told.connections.append(self.client_address)
            found = self.asked_path() == "/v1/search" and self.headers["Content-Type"] == "application/json"
            self.reply(*(told.answer(body["query"]) if found else (404, {})))

        def reply(self, status: int, body: object) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.close_connection = not status
            if status:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                time.sleep(told.delay)
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
def folder(tmp_path: Path) -> Path:
    """A set of the four texts."""
    folder = tmp_path / "own"
    (folder / "qrels").mkdir(parents=True)
    lines = (json.dumps({"_id": f"q{place}", "text": text}) + "\n" for place, text in enumerate(TEXTS))
    (folder / "queries.jsonl").write_text("".join(lines), encoding="utf-8")
    rows = "".join(f"q{place}\tprofile#photo\t1\n" for place in range(len(TEXTS)))
    (folder / "qrels" / "tuning.tsv").write_text(rows, encoding="utf-8")
    return folder


def numbered() -> Iterator[str]:
    return map(str, count())


def a_load(**values: Any) -> Load:
    given = {"clients": 1, "requests": 4, "seconds": 2.0, "client_cpu": 0.5, "failures": {}}
    times = {"milliseconds": (10.0, 40.0, 20.0, 30.0), "took_ms": (1.0, 2.0, 4.0, 5.0)}
    return Load(**(given | times | values))


# Numbers.


def test_percentiles_lie_between_the_two_times_beside_them():
    load = a_load()  # sorted 10, 20, 30, 40; places 0 to 3, so p95 is at 2.85, p99 at 2.97
    assert [load.percentile(share) for share in (0, 50, 95, 99, 100)] == pytest.approx([10, 25, 38.5, 39.7, 40])
    assert load.took_p50 == 3.0


@given(st.lists(st.floats(0, 1e6), min_size=2), st.integers(1, 99))
def test_percentile_is_that_of_the_standard_library(values: list[float], share: int):
    expected = statistics.quantiles(values, n=100, method="inclusive")[share - 1]
    assert percentile(values, share) == pytest.approx(expected, abs=1e-6)


def test_percentile_of_nothing_is_no_number():
    assert math.isnan(percentile((), 50))


def test_failed_requests_are_not_in_the_throughput():
    load = a_load(requests=10, failures={"503": 6})
    assert load.requests_per_second == 2.0  # four answered in two seconds
    assert load.client_cores == 0.25


# Queries.


def test_each_query_comes_once_then_halves_of_two():
    found = list(islice(unseen(TEXTS), 4 + 12))
    assert Counter(found[:4]) == Counter(TEXTS)
    first = [
        "как сменить",
        "звук",
        "не приходит",
        "айфон",
    ]  # cut at the space nearest the middle; one word is either half
    second = ["фото", "звук", "код из смс", "молчит"]
    crossings = [f"{a} {b}" for i, a in enumerate(first) for j, b in enumerate(second) if i != j]
    assert Counter(found[4:]) == Counter(crossings)


def test_the_seed_orders_the_queries():
    texts = [str(number) for number in range(50)]
    assert list(islice(unseen(texts), 200)) == list(islice(unseen(texts), 200))
    assert list(islice(unseen(texts, 1), 50)) != list(islice(unseen(texts, 2), 50)) != texts
    assert list(islice(unseen(["а", "б", "в", "г"], 1), 4)) == ["а", "г", "в", "б"]  # the same in every Python


@given(st.lists(st.text("аб \n", min_size=1), min_size=1))
def test_no_two_queries_read_alike(texts: list[str]):
    found = []
    with pytest.raises(JudgmentError, match="name a larger set"):
        for text in unseen(texts):
            found.append(" ".join(text.lower().split()))  # noqa: PERF401 -- kept up to the error
    assert len(found) == len(set(found))
    assert {" ".join(text.lower().split()) for text in texts} <= set(found)


def test_queries_that_differ_in_case_alone_are_one():
    with pytest.raises(JudgmentError, match="2 queries: all 2 that can be made of them were asked"):
        assert len([*unseen(["Звук", "звук"])]) == 2  # one of them, and the word twice


def test_crossings_are_about_as_long_as_the_queries():
    texts = [f"слово{number} " * (3 + number % 7) for number in range(40)]
    made = list(islice(unseen(texts), 40, 1600))
    assert statistics.mean(map(len, made)) == pytest.approx(statistics.mean(map(len, texts)), rel=0.05)


# One request.


def asked_once(engine: Engine, mode: str = "hybrid") -> Reply:
    client = Client(search_endpoint(engine.url, mode))
    try:
        return client.ask("фото")
    finally:
        client.close()


def test_a_search_is_asked_with_all_defaults_but_the_mode(engine: Engine):
    assert asked_once(engine, "lexical").took_ms == 7.0
    assert engine.asked == [{"query": "фото", "mode": "lexical"}]


def test_a_slash_at_the_end_of_the_address_does_not_count(engine: Engine):
    assert server_version(engine.url + "/") == {"version": "1", "generation": "g", "model": "m"}
    assert not Client(search_endpoint(engine.url + "/", "hybrid")).ask("фото").failure


def test_the_clock_runs_until_the_body_is_read(engine: Engine):
    engine.delay = 0.05
    reply = asked_once(engine)
    assert 50 <= reply.milliseconds < 5000
    assert not reply.failure


def test_the_clock_starts_before_the_request_is_sent(engine: Engine):
    engine.answer = lambda query: (time.sleep(0.05), (200, REPLY))[1]
    assert 50 <= asked_once(engine).milliseconds < 5000


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((503, REPLY), "503"),
        ((429, {}), "429"),
        ((302, REPLY), "302"),
        ((0, {}), "broken connection"),
        ((200, b"<html>"), "no search reply"),
        ((200, b"\xff"), "no search reply"),
        ((200, [1]), "no search reply"),
        ((200, {"took_ms": 1.0}), "no search reply"),
        ((200, {"hits": [], "took_ms": "soon"}), "no search reply"),
        ((200, {"hits": [], "took_ms": None}), "no search reply"),
    ],
)
def test_what_went_wrong_is_named(engine: Engine, answer: Answer, failure: str):
    engine.answer = lambda query: answer
    reply = asked_once(engine)
    assert reply.failure == failure
    assert math.isnan(reply.took_ms)


def test_a_server_that_says_nothing_is_a_timeout(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(endpoints, "TIMEOUT", 0.05)
    client = Client(search_endpoint(engine.url, "hybrid"))
    engine.delay = 0.2
    assert client.ask("фото").failure == "timeout"
    engine.delay = 0.0
    assert client.ask("фото").failure == ""  # over another connection: the late body is not taken for this reply
    client.close()


def test_a_client_goes_on_after_a_broken_connection(engine: Engine):
    answers = iter([(200, REPLY), (0, {}), (200, REPLY)])
    engine.answer = lambda query: next(answers)
    client = Client(search_endpoint(engine.url, "hybrid"))
    assert [client.ask("фото").failure for _ in range(3)] == ["", "broken connection", ""]
    client.close()


def test_another_engine_is_another_endpoint(engine: Engine):
    other = Endpoint(engine.url + "/v1/search", lambda text: {"query": {"match": text}}, lambda reply: reply["took"])
    engine.answer = lambda query: (200, {"took": 3})
    assert Client(other).ask("фото").took_ms == 3
    assert engine.asked == [{"query": {"match": "фото"}}]


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "localhost", "ftp://a", "http://", "http://a:b", "http://a b", "http://хост", "http://["]
)
def test_address_that_is_not_http_is_refused(url: str):
    with pytest.raises(SystemFailure, match="no address of a server; expected http://host:port"):
        server_version(url)


# A load.


def test_so_many_requests_are_made_after_a_warm_up_that_is_not_counted(engine: Engine):
    engine.answer = lambda query: (503, {}) if query in {"0", "1", "2"} else (200, REPLY)
    load = measure(search_endpoint(engine.url, "hybrid"), numbered(), 2, requests=20, warm_up=3)
    assert (load.clients, load.requests, load.failures, load.complete) == (2, 20, {}, True)
    assert len(load.milliseconds) == len(load.took_ms) == 20
    assert sorted(map(int, engine.texts)) == list(range(2 * 3 + 20))  # each query once
    assert set(engine.texts[:6]) == set("012345")


def test_connections_are_kept(engine: Engine):
    measure(search_endpoint(engine.url, "hybrid"), numbered(), 3, requests=30, warm_up=2)
    assert len(set(engine.connections)) == 3


def test_clients_ask_at_once(engine: Engine):
    together = threading.Barrier(4)
    engine.answer = lambda query: (together.wait(5), (200, REPLY))[1]  # four at once, or none is answered
    load = measure(search_endpoint(engine.url, "hybrid"), numbered(), 4, requests=8, warm_up=1)
    assert (len(load.milliseconds), load.failures) == (8, {})


def test_clients_take_turns_at_queries_that_are_slow_to_make(engine: Engine):
    def slowly() -> Iterator[str]:
        for number in range(34):
            time.sleep(0.001)  # a generator that two threads enter at once raises ValueError
            yield str(number)

    load = measure(search_endpoint(engine.url, "hybrid"), slowly(), 4, requests=30, warm_up=1)
    assert (load.requests, len(set(engine.texts))) == (30, 34)


def test_no_more_ask_at_once_than_there_are_clients(engine: Engine):
    asking, most = set(), []

    def answer(query: str) -> Answer:
        asking.add(query)
        most.append(len(asking))
        time.sleep(0.002)
        asking.remove(query)
        return 200, REPLY

    engine.answer = answer
    measure(search_endpoint(engine.url, "hybrid"), numbered(), 2, requests=20, warm_up=1)
    assert max(most) == 2


def test_a_load_lasts_its_seconds_and_the_last_replies(engine: Engine):
    engine.delay = 0.04
    load = measure(search_endpoint(engine.url, "hybrid"), numbered(), 2, seconds=0.2, warm_up=1)
    assert 0.2 <= load.seconds < 5
    assert min(load.milliseconds) >= 40
    assert 2 <= load.requests <= 10  # at most five of each client begin within 0.2 s
    assert load.requests_per_second == load.requests / load.seconds
    assert load.client_cpu > 0


def test_failures_are_counted_by_status_and_not_timed(engine: Engine):
    def answer(query: str) -> Answer:
        kind = int(query) % 4
        time.sleep(0 if kind == 0 else 0.03)
        return {0: (429, {}), 1: (200, REPLY), 2: (200, REPLY), 3: (0, {})}[kind]

    engine.answer = answer
    load = measure(search_endpoint(engine.url, "hybrid"), numbered(), 1, requests=12, warm_up=4)
    assert load.failures == {"429": 3, "broken connection": 3}
    assert (load.requests, len(load.milliseconds), load.took_ms) == (12, 6, (7.0,) * 6)
    assert min(load.milliseconds) >= 30


def test_a_client_that_is_refused_waits_before_it_asks_again(engine: Engine):
    engine.answer = lambda query: (429, {}) if query != "0" else (200, REPLY)
    with pytest.raises(SystemFailure):
        measure(search_endpoint(engine.url, "hybrid"), numbered(), 1, seconds=0.2, warm_up=1)
    assert 2 <= len(engine.asked) <= 1 + 4  # one in 0.05 s


def test_when_every_request_fails_it_says_how(engine: Engine):
    engine.answer = lambda query: (503 if int(query) % 2 else 429, {})
    with pytest.raises(SystemFailure, match=r"/v1/search: all 4 requests failed \(429: 2, 503: 2\); expected repl"):
        measure(search_endpoint(engine.url, "hybrid"), numbered(), 2, requests=50, warm_up=2)
    assert len(engine.asked) == 4  # after the warm-up it is clear


def test_a_load_without_queries_left_says_so(engine: Engine):
    with pytest.raises(JudgmentError, match=r"all 4 that can be made .* were asked"):
        measure(search_endpoint(engine.url, "hybrid"), unseen(["раз два", "три пять"]), 2, requests=50, warm_up=1)
    assert len(engine.asked) == len(set(engine.texts)) == 4


def interrupt_at(number: int) -> Callable[[str], Answer]:
    """Answers; presses Ctrl-C in the main thread at the request of that number."""

    def answer(query: str) -> Answer:
        if int(query) == number:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.002)
        return 200, REPLY

    return answer


def test_ctrl_c_keeps_what_was_measured(engine: Engine):
    engine.answer = interrupt_at(10)
    load = measure(search_endpoint(engine.url, "hybrid"), numbered(), 2, seconds=60, warm_up=2)
    assert not load.complete
    assert load.seconds < 30
    assert load.requests == len(load.milliseconds) == len(engine.asked) - 4


def test_ctrl_c_in_the_warm_up_leaves_nothing_to_keep(engine: Engine):
    engine.answer = interrupt_at(1)
    with pytest.raises(KeyboardInterrupt):
        measure(search_endpoint(engine.url, "hybrid"), numbered(), 1, seconds=60, warm_up=3)
    assert len(engine.asked) <= 3


# The command.


def bench(engine: Engine, folder: Path, *more: str) -> int:
    return cli.main(["bench", "--url", engine.url, "--data", str(folder), "--warm-up", "1", *more])


def test_bench_prints_where_the_numbers_come_from_above_a_row_for_each_number_of_clients(
    engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("evaluation.commands.bench_url.machine", lambda: "Abacus, 2 cores")
    monkeypatch.setattr("evaluation.commands.bench_url.git_commit", lambda: "c0ffee")
    clients = ["--clients", "1", "--clients", "2", "--clients", "1"]  # a number that is named twice is measured once
    assert bench(engine, folder, *clients, "--requests", "4", "--mode", "lexical") == 0
    printed = capsys.readouterr()
    machine, server, about, columns, one, two, legend = printed.out.splitlines()
    assert machine == "machine: Abacus, 2 cores; commit: c0ffee"
    assert server == f"{engine.url}: version 1, generation g, model m"
    assert about == "own, tuning: 4 queries, each once, then crossings of two; mode lexical"
    names = re.split(r"\s{2,}", columns.strip())
    assert names == ["p50, ms", "p95, ms", "p99, ms", "took p50", "req/s", "answered", "failed", "cores"]
    for row, name in ((one, "1 client"), (two, "2 clients")):
        values = dict(zip(names, map(float, row.removeprefix(name).split()), strict=True))
        assert 0 < values["p50, ms"] <= values["p95, ms"] <= values["p99, ms"]
        assert (values["took p50"], values["answered"], values["failed"]) == (7, 4, 0)
        assert values["req/s"] > 0
    assert "took p50" in legend
    assert printed.err == "1 client: warm-up, then 4 requests\n2 clients: warm-up, then 4 requests\n"
    assert {body["mode"] for body in engine.asked} == {"lexical"}
    assert Counter(engine.texts) == Counter(islice(unseen(TEXTS), 11))  # (1 + 4) + (2 + 4), none twice


def test_bench_gives_the_same_as_json_without_any_query(
    engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]
):
    engine.answer = lambda query: (503, {}) if len(engine.asked) == 3 else (200, REPLY)
    assert bench(engine, folder, "--clients", "1", "--requests", "4", "--json") == 0
    printed = capsys.readouterr().out
    found = json.loads(printed)
    assert not any(word in printed for text in TEXTS for word in text.split() if len(word) > 3)
    (load,) = found.pop("loads")
    judged = read_judged(folder)
    for name in ("machine", "commit"):
        assert found.pop(name)
    assert found == {
        "url": engine.url,
        "server": {"version": "1", "generation": "g", "model": "m"},
        "set": "own, tuning",
        "digest": digest(judged),
        "queries": 4,
        "seed": 20261122,
        "repeat": False,
        "mode": "hybrid",
        "warm_up": 1,
    }
    assert (load["clients"], load["requests"], load["failures"], load["complete"]) == (1, 4, {"503": 1}, True)
    assert load["took_ms"] == {"p50": 7.0}
    assert load["requests_per_second"] == 3 / load["seconds"]
    times = load["milliseconds"]
    assert list(times) == ["p0", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9", "p100"]
    assert list(times.values()) == sorted(times.values())
    assert load["client_cores"] >= 0


def test_failures_are_shown_by_status(engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]):
    answers = iter([(200, REPLY), (503, {}), (0, {}), (200, REPLY), (503, {})])
    engine.answer = lambda query: next(answers)
    assert bench(engine, folder, "--clients", "1", "--requests", "4") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "1 client: 3 of 4 requests failed (503: 2, broken connection: 1)"


def test_two_benches_ask_the_same(engine: Engine, folder: Path):
    for _ in range(2):
        assert bench(engine, folder, "--clients", "1", "--requests", "8") == 0
    assert engine.texts[:9] == engine.texts[9:]


def test_repeat_asks_one_query_again_and_again(engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert bench(engine, folder, "--clients", "2", "--requests", "20", "--repeat") == 0
    assert "4 queries, one of them again and again" in capsys.readouterr().out
    assert len(engine.asked) == 22
    assert len(set(engine.texts)) == 1 and engine.texts[0] in TEXTS


def test_bench_lasts_as_long_as_told(engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert bench(engine, folder, "--clients", "1", "--seconds", "0.2", "--repeat", "--json") == 0
    (load,) = json.loads(capsys.readouterr().out)["loads"]
    assert 0.2 <= load["seconds"] < 5


def test_bench_measures_one_and_eight_clients_for_ten_seconds_unless_told(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def measured(endpoint: Endpoint, queries: object, clients: int, **options: Any) -> Load:
        asked.append((clients, options["seconds"], options["requests"]))
        return a_load(clients=clients)

    monkeypatch.setattr("evaluation.commands.bench_url.measure", measured)
    assert bench(engine, folder) == 0
    assert asked == [(1, 10.0, None), (8, 10.0, None)]


def test_when_every_request_fails_bench_exits_1_with_the_message_alone(
    engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]
):
    engine.answer = lambda query: (500, {})
    assert bench(engine, folder, "--clients", "1", "--json") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[1:] == [
        f"{engine.url}/v1/search: all 1 requests failed (500: 1); expected replies to a search; "
        "look at the server's log, or correct --url"
    ]


def test_loads_before_a_failure_are_shown(engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]):
    engine.answer = lambda query: (200, REPLY) if len(engine.asked) <= 4 else (503, {})
    assert bench(engine, folder, "--clients", "1", "--clients", "2", "--requests", "3", "--json") == 1
    printed = capsys.readouterr()
    assert [load["clients"] for load in json.loads(printed.out)["loads"]] == [1]
    assert "all 2 requests failed (503: 2)" in printed.err


def test_ctrl_c_shows_what_was_measured_and_exits_1(engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]):
    def answer(query: str) -> Answer:
        if len(engine.asked) == 6:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return 200, REPLY

    engine.answer = answer
    assert bench(engine, folder, "--repeat", "--seconds", "60", "--json") == 1
    printed = capsys.readouterr()
    (load,) = json.loads(printed.out)["loads"]  # the second is not begun
    assert (load["clients"], load["complete"]) == (1, False)
    assert load["requests"] == len(engine.asked) - 1
    assert printed.err.endswith("Stopped; what was measured until then is shown.\n")


def test_ctrl_c_in_the_warm_up_exits_1_with_a_line(engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str]):
    def answer(query: str) -> Answer:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.05)
        return 200, REPLY

    engine.answer = answer
    assert bench(engine, folder, "--clients", "1") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith("Stopped; nothing was measured yet.\n")


def test_bench_without_a_server_says_to_start_it(folder: Path, capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert cli.main(["bench", "--url", f"http://127.0.0.1:{port}", "--data", str(folder)]) == 1
    assert re.fullmatch(r".*/version: no answer .*; start it or correct --url\n", capsys.readouterr().err)


@pytest.mark.parametrize("version", [(200, b"<html>"), (200, [1]), (200, {"version": "1"}), (404, {})])
def test_bench_of_another_server_is_refused(
    engine: Engine, folder: Path, capsys: pytest.CaptureFixture[str], version: Answer
):
    engine.version = version
    assert bench(engine, folder) == 1
    assert "expected JSON with version, generation, model; correct --url" in capsys.readouterr().err
    assert engine.asked == []


@pytest.mark.parametrize(
    "options",
    [
        ["--clients", "0"],
        ["--clients", "many"],
        ["--seconds", "0"],
        ["--seconds", "nan"],
        ["--seconds", "inf"],
        ["--requests", "-1"],
        ["--requests", "5", "--seconds", "5"],
        ["--mode", "magic"],
    ],
)
def test_wrong_numbers_are_wrong_usage(options: list[str]):
    with pytest.raises(SystemExit) as exit_of:
        cli.main(["bench", *options])
    assert exit_of.value.code == 2


def test_bench_of_our_own_server(
    built_index: Path, encoder: HashEncoder, folder: Path, capsys: pytest.CaptureFixture[str]
):
    app = create_app(built_index, encoder)
    options = ["--data", str(folder), "--clients", "2", "--requests", "12", "--warm-up", "1", "--json"]
    with served(app) as url:
        assert cli.main(["bench", "--url", url, *options]) == 0
    found = json.loads(capsys.readouterr().out)
    loaded = app.extensions["live"].now().searcher.artifact
    assert found["server"]["generation"] == loaded.generation
    assert found["server"]["model"] == "hash"
    (load,) = found["loads"]
    assert (load["requests"], load["failures"]) == (12, {})
    assert 0 < load["took_ms"]["p50"] < load["milliseconds"]["p50"]
