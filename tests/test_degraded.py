"""The semantic half fails while the server runs: words answer alone, all is told, and it does not stay so."""

import logging
import os
import threading
import time

import numpy as np
import pytest
from helpers import HashEncoder

from server import guard as guards
from server.__main__ import warm_up
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


def threads_of_guards():
    return {thread for thread in threading.enumerate() if thread.name == "semantic"}


def eventually(is_so):
    """Whether something comes true within ten seconds."""
    until = time.monotonic() + 10
    while not is_so() and time.monotonic() < until:
        time.sleep(0.01)
    return is_so()


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


def test_words_are_looked_at_while_the_query_is_encoded(built_index, failing):
    app = create_app(built_index, failing)
    searcher, looked = app.extensions["live"].now().searcher, threading.Event()
    lexical = searcher.store.lexical

    def seen(*asked):
        looked.set()
        return lexical(*asked)

    searcher.store.lexical = seen
    failing.instead = lambda: HashEncoder().encode_query(QUERY) if looked.wait(1.5) else None
    assert searched(app.test_client())["degraded"] is None


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
    others = threads_of_guards()
    for _ in range(20):
        with pytest.raises(SemanticUnavailableError):
            guard.call(lambda: free.wait(20))
    assert len(threads_of_guards() - others) == guards.HANGING
    free.set()
    assert eventually(lambda: not any(call.is_running for call in guard._hanging))
    assert guard.call(lambda: 7) == 7


def test_calls_one_after_another_are_made_by_one_thread():
    guard = Guard()
    assert len({guard.call(threading.get_ident) for _ in range(20)}) == 1
    assert threading.get_ident() != guard.call(threading.get_ident)


def test_calls_at_the_same_time_wait_for_none_that_hangs():
    guard, free = Guard(seconds=5), threading.Event()
    hanging = [guard.begin(lambda: free.wait(20)) for _ in range(3)]
    began = time.monotonic()
    assert guard.call(lambda: 7) == 7
    assert time.monotonic() - began < 2
    free.set()
    assert [wait() for wait in hanging] == [True] * 3


def test_who_begins_a_call_goes_on_while_it_is_made():
    guard, free = Guard(), threading.Event()
    wait = guard.begin(lambda: free.wait(20) and 7)
    free.set()  # only where this thread has it back can it free the other
    assert wait() == 7


def test_time_of_a_call_counts_from_where_it_began():
    guard, free = Guard(seconds=0.2), threading.Event()
    wait = guard.begin(lambda: free.wait(20))
    time.sleep(0.2)
    began = time.monotonic()
    with pytest.raises(SemanticUnavailableError):
        wait()
    assert time.monotonic() - began < 0.15
    free.set()


def test_thread_without_calls_ends_and_the_next_call_gets_another(monkeypatch):
    monkeypatch.setattr(guards, "IDLE", 0.05)
    guard, others = Guard(), threads_of_guards()
    first = guard.call(threading.current_thread)
    assert eventually(lambda: not first.is_alive())
    assert guard.call(threading.current_thread) is not first
    assert eventually(lambda: threads_of_guards() <= others)


def test_process_that_has_warmed_up_has_no_threads_to_fork_with(app):
    others = threads_of_guards()
    warm_up(app.extensions["live"].now().searcher)
    assert threads_of_guards() <= others
    assert searched(app.test_client())["degraded"] is None


def test_call_that_ends_its_thread_keeps_no_place_among_those_that_hang(monkeypatch):
    monkeypatch.setattr(guards, "FAILURES", 100)
    monkeypatch.setattr(threading, "excepthook", lambda told: None)
    guard = Guard(seconds=0.05)
    for _ in range(guards.HANGING + 1):
        with pytest.raises(SemanticUnavailableError):
            guard.call(raising(SystemExit()))
    assert guard.call(lambda: 7) == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_guard_that_was_used_before_a_fork_serves_both_processes():
    guard = Guard(seconds=5)
    assert guard.call(lambda: 7) == 7  # its thread waits for more, and is not there in the child
    child = os.fork()
    if not child:
        try:
            os._exit(guard.call(lambda: 8))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 8
    assert guard.call(lambda: 7) == 7
