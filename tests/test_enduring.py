"""Overload and soak in short: real servers, a few seconds each; and that either says when a promise is broken."""

import json
import sys
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
from serving import served

from evaluation.__main__ import main
from evaluation.benching.servers import started
from evaluation.enduring import overload, soak
from evaluation.enduring.crowd import Crowd, Tally, search_request
from evaluation.enduring.overload import Overload
from evaluation.enduring.soak import Soak
from evaluation.enduring.texts import help_of
from evaluation.systems import SystemFailure
from indexer import artifact
from server.app import create_app

SLOW_SERVER = str(Path(__file__).parent / "slow_server.py")


def slow(index, *options):
    return started([sys.executable, SLOW_SERVER, "--index", str(index), *options], "/readyz")


def quiet(*_: object) -> None:
    pass


def test_server_with_four_times_too_many_requests_answers_some_and_refuses_the_rest(built_index):
    # Each takes a twentieth of a second, whatever the machine does besides: two threads answer at most 40 a second.
    with slow(built_index, "--threads", "2", "--queue", "4") as server:
        crowd = Crowd(server.url, (search_request(server.url, f"подождать 0.05 раза {n}") for n in cycle(range(10**6))))
        peak = crowd.at_once(4, 1.0).goodput
        tally = crowd.at_rate(4 * 40, 2.0)
    assert not tally.failures
    assert tally.refused > tally.sent / 3
    assert tally.goodput > 0.6 * peak  # generous: others may be busy; a backlog would leave nothing
    assert tally.sent == pytest.approx(320, rel=0.1)


def test_measuring_an_overload_finds_the_peak_the_share_and_the_memory(built_index, monkeypatch):
    monkeypatch.setattr(overload, "_WARM_UP", 0.5)
    said = []
    with slow(built_index, "--threads", "2", "--queue", "4") as server:
        found = overload.measure(server.url, server.pid, seconds=3.2, factor=2.0, peak_seconds=1.2, say=said.append)
    assert min(found.peaks) > 0
    assert found.offered > 1.5 * found.peaks[0]
    assert found.answered > 0
    assert found.failures == {}
    assert len(found.memory_mb) >= 2
    assert abs(found.growth) < 0.2
    assert len(said) == 2


def test_soak_switches_generations_under_requests_without_an_error(built_index, tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "_SETTLING", 0.2)
    index = soak.copied(built_index, tmp_path)
    assert len(artifact.list_generations(index)) == 2
    done = []
    with slow(index) as server:
        found = soak.run(server.url, server.pid, index, requests=200, switches=1, say=lambda *each: done.append(each))
    assert found.failures == {}
    assert (found.requests, found.switches, done[-1]) == (200, 1, (200, 200))
    assert len(found.memory_mb) == 2
    # The index itself stays as it is.
    assert len(artifact.list_generations(built_index)) == 1


def test_soak_tells_what_failed_by_its_route(built_index, tmp_path, encoder):
    index = soak.copied(built_index, tmp_path)
    app = create_app(index, encoder)

    @app.before_request
    def fail():
        from flask import request

        return ("", 500) if request.path == "/v1/suggest" else None

    with served(app) as url:
        failures = soak._leg(url, soak._requests(help_of(url)), 100)
    assert set(failures) == {"GET /v1/suggest 500"}


HELD = Overload(
    peaks=(100.0, 100.0), offered=400.0, seconds=10.0, sent=4000, answered=950, goodput=95.0, refused=3050,
    failures={}, p50_ms=1.0, p95_ms=2.0, memory_mb=(100.0,) * 9,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ""),
        ({"goodput": 89.0}, "goodput is 89% of the peak"),
        ({"memory_mb": (100.0,) * 3 + (102.0,) * 3 + (104.0,) * 3}, "memory grew by 4.0%"),
        ({"failures": {"503 without Retry-After": 1}}, "503 without Retry-After: 1"),
    ],
)
def test_overload_says_which_promise_is_broken(changed, told):
    broken = replace(HELD, **changed).broken()
    assert len(broken) == bool(told)
    assert told in " ".join(broken)


@pytest.mark.parametrize(
    ("memory", "failures", "told"),
    [
        ((100, 150, 160, 160, 161, 162, 162, 161, 160, 162, 163), {}, ""),  # the warm-up is the first third
        ((100, 150, 160, 160, 161, 162, 164, 166, 167, 168, 169), {}, "memory grew by 5.0%"),
        ((100, 150, 160, 160, 161, 162, 162, 161, 160, 240, 163), {}, ""),  # one leg held the old generation still
        ((100, 100, 100), {"GET / 500": 2}, "GET / 500: 2"),
    ],
)
def test_soak_says_which_promise_is_broken(memory, failures, told):
    broken = Soak(1000, 10.0, failures, 10, memory).broken()
    assert len(broken) == bool(told)
    assert told in " ".join(broken)


def test_command_prints_and_ends_with_1_where_a_promise_is_broken(capsys, monkeypatch):
    for goodput, code, last in ((95.0, 0, "pass"), (10.0, 1, "FAIL")):
        monkeypatch.setattr(overload, "measure", lambda *_, goodput=goodput, **__: replace(HELD, goodput=goodput))
        assert main(["overload", "--url", "http://127.0.0.1:1"]) == code
        assert capsys.readouterr().out.splitlines()[-1] == last
        assert main(["overload", "--url", "http://127.0.0.1:1", "--json"]) == code
        told = json.loads(capsys.readouterr().out)
        assert (told["held"], told["share"]) == (code == 0, goodput / 100)


def test_server_that_is_not_there_is_named():
    with pytest.raises(SystemFailure, match="start it or correct --url"):
        help_of("http://127.0.0.1:1")


def test_replies_are_told_apart_by_their_first_line_and_headers():
    tally = Tally()
    tally.took(b"HTTP/1.1 200 OK\r\n\r\n", 3.0)
    tally.took(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n\r\n", 1.0)
    tally.took(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", 1.0)
    tally.took(b"HTTP/1.1 500 INTERNAL\r\n\r\n", 1.0)
    tally.took(b"", 1.0)
    assert (tally.answered, tally.refused) == ([3.0], 1)
    assert tally.failures == {"503 without Retry-After": 1, "500": 1, "no reply": 1}
