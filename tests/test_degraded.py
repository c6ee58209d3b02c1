"""The semantic half fails while the server runs: words answer alone, all is told, and it does not stay so."""

import logging
import threading
import time

import numpy as np
import pytest
from helpers import HashEncoder

from server import guard as guards
from server.app import create_app
from server.bounds import Bounds
from server.guard import Guard, SemanticUnavailableError
from server.search import Searcher

QUERY = "Как сбросить пароль"


class Failing(HashEncoder):
    """Encodes until it is told what to do instead."""

    def __init__(self):
        super().__init__()
        self.instead = None
        self.calls = 0

    def encode_query(self, query):
        self.calls += 1
        return self.instead() if self.instead else super().encode_query(query)


def raising(error):
    def instead():
        raise error

    return instead


@pytest.fixture
def failing():
    return Failing()


@pytest.fixture
def app(built_index, failing):
    return create_app(built_index, failing)


@pytest.fixture
def client(app):
    return app.test_client()


def guard_of(app):
    return app.extensions["live"].now().searcher.guard


def searched(client, query=QUERY, **more):
    reply = client.post("/v1/search", json={"query": query, **more})
    assert reply.status_code == 200
    return reply.json


@pytest.mark.parametrize(
    "instead",
    [
        raising(RuntimeError("ONNX")),
        raising(MemoryError()),
        raising(OSError(5, "Input/output error")),
        lambda: np.full(64, np.nan, dtype=np.float32),
        lambda: np.zeros(7, dtype=np.float32),  # FAISS refuses it
    ],
    ids=["error", "memory", "disk", "no numbers", "other dimension"],
)
@pytest.mark.parametrize("mode", ["hybrid", "semantic"])
def test_search_answers_by_words_and_says_so(client, failing, instead, mode):
    by_words = searched(client, mode="lexical")
    failing.instead = instead
    reply = searched(client, mode=mode)
    assert reply["degraded"] == "semantic_unavailable"
    assert (reply["calibrated"], reply["answerable"]) == (False, True)
    assert reply["hits"] == by_words["hits"]
    assert all("semantic" not in hit["matched_by"] for hit in reply["hits"])
    assert by_words["degraded"] is None


def test_lexical_mode_is_not_degraded_by_a_half_that_it_does_not_ask(client, failing):
    failing.instead = raising(RuntimeError())
    assert searched(client, mode="lexical")["degraded"] is None
    assert failing.calls == 0


def test_answer_and_pages_say_it_too(client, failing):
    failing.instead = raising(RuntimeError())
    answer = client.post("/v1/answer", json={"query": QUERY}).json
    assert answer["degraded"] == "semantic_unavailable"
    assert not answer["calibrated"]
    said = "поиск по смыслу временно недоступен"
    assert said in client.get("/", query_string={"q": QUERY}).text
    assert said in client.post("/agent", data={"text": QUERY}).text
    failing.instead = None
    guard = client.application.extensions["live"].now().searcher.guard
    guard._failures = 0
    assert said not in client.get("/", query_string={"q": QUERY}).text


def test_explanations_of_a_degraded_reply_add_up(client, failing):
    failing.instead = raising(RuntimeError())
    reply = searched(client, explain=True)
    for hit, why in zip(reply["hits"], reply["explanations"], strict=True):
        assert why["lexical"]["given"] == pytest.approx(hit["score"], abs=0.001)
        assert (why["semantic"]["given"], why["factors"], why["questions"]["given"]) == (0, {}, 0)


def test_degraded_reply_is_not_kept_so_that_the_next_is_whole(client, failing):
    failing.instead = raising(RuntimeError())
    assert searched(client)["degraded"]
    failing.instead = None
    reply = searched(client)
    assert reply["degraded"] is None
    assert any("semantic" in hit["matched_by"] for hit in reply["hits"])


def test_readiness_stays_and_shows_the_half_that_fails_until_it_answers_again(client, failing):
    failing.instead = raising(RuntimeError())
    searched(client)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["ready"], ready.json["checks"]) == (
        200,
        True,
        {"index": True, "encoder": False},
    )
    failing.instead = None
    searched(client)
    assert client.get("/readyz").json["checks"]["encoder"] is True


def test_metrics_count_it_and_the_log_names_it_without_the_query(client, failing, caplog):
    failing.instead = raising(RuntimeError(QUERY))
    with caplog.at_level(logging.INFO, "server"):
        searched(client)
    assert 'spravka_requests_total{outcome="degraded",route="/v1/search"} 1.0' in client.get("/metrics").text
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert warning.getMessage() == "semantic half: RuntimeError; found by words alone, the next search tries again"
    (line,) = (record.request for record in caplog.records if hasattr(record, "request"))
    assert line["outcome"] == "degraded"


def test_hanging_encoder_costs_some_requests_its_time_and_no_more(built_index, failing, monkeypatch):
    monkeypatch.setattr(guards, "FAILURES", 2)
    app = create_app(built_index, failing)
    client, guard = app.test_client(), guard_of(app)
    guard._seconds, guard._pause = 0.2, 0.4
    free = threading.Event()
    failing.instead = lambda: free.wait(20) and None
    began = time.monotonic()
    replies = [searched(client, f"{QUERY} {number}") for number in range(12)]
    assert all(reply["degraded"] for reply in replies)
    assert failing.calls == 2
    assert 0.4 <= time.monotonic() - began < 5
    failing.instead = None
    free.set()
    time.sleep(0.5)
    assert searched(client)["degraded"] is None
    assert guard.works


def test_encoding_leaves_half_of_the_time_of_a_request_to_words(built_index, failing):
    free = threading.Event()
    failing.instead = lambda: free.wait(20) and None
    client = create_app(built_index, failing, bounds=Bounds(request_seconds=1.0)).test_client()
    began = time.monotonic()
    assert searched(client)["degraded"]
    assert time.monotonic() - began < 1.0
    free.set()


def test_measuring_searches_are_told_what_fails(artifact, failing):
    failing.instead = raising(RuntimeError("ONNX"))
    with pytest.raises(RuntimeError, match="ONNX"):
        Searcher(artifact, failing).search(QUERY)


# The guard by itself


def test_guard_pauses_after_failures_in_a_row_then_lets_one_through():
    guard = Guard(pause=0.2)
    tried = []

    def work():
        tried.append(1)
        raise ValueError

    for _ in range(10):
        with pytest.raises(SemanticUnavailableError):
            guard.call(work)
    assert len(tried) == guards.FAILURES
    time.sleep(0.25)
    for _ in range(5):
        with pytest.raises(SemanticUnavailableError):
            guard.call(work)
    assert len(tried) == guards.FAILURES + 1
    time.sleep(0.25)
    assert guard.call(lambda: 7) == 7
    assert guard.works


def test_one_failure_now_and_then_does_not_pause():
    guard = Guard()
    for _ in range(10):
        with pytest.raises(SemanticUnavailableError):
            guard.call(raising(ValueError()))
        assert guard.call(lambda: 7) == 7


def test_no_more_calls_hang_than_are_allowed(monkeypatch):
    monkeypatch.setattr(guards, "FAILURES", 100)
    guard, free = Guard(seconds=0.01), threading.Event()
    for _ in range(20):
        with pytest.raises(SemanticUnavailableError):
            guard.call(lambda: free.wait(20))
    assert sum(thread.name == "semantic" for thread in threading.enumerate()) == guards.HANGING
    free.set()
    until = time.monotonic() + 10
    while any(thread.name == "semantic" for thread in threading.enumerate()) and time.monotonic() < until:
        time.sleep(0.01)
    assert guard.call(lambda: 7) == 7
