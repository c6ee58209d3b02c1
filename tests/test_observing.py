"""What is seen of requests: ids, a line in the log, times, metrics; and that it never is what was asked."""

import io
import json
import logging
import re

import pytest
from helpers import HashEncoder

from server import logs, tracing
from server.app import create_app

SECRET = "sekretnyj"


@pytest.fixture
def app(built_index, encoder, tmp_path):
    return create_app(built_index, encoder, tmp_path / "data")


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="module")
def any_client(built_index, encoder, tmp_path_factory):
    """One for all tests that do not count."""
    return create_app(built_index, encoder, tmp_path_factory.mktemp("observing") / "data").test_client()


@pytest.fixture
def lines(caplog):
    """The lines of the log as JSON, of requests that follow."""
    caplog.set_level(logging.INFO, logger="server")
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonLines())
    logging.getLogger("server").addHandler(handler)
    yield lambda: list(map(json.loads, written.getvalue().splitlines()))
    logging.getLogger("server").removeHandler(handler)


def numbers(client):
    """The metrics without those of single buckets, as {name with labels: value}."""
    text = client.get("/metrics").text
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#") and "_bucket" not in line)
    return {name: float(value) for name, value in rows}


def test_line_of_a_request_says_how_it_went(any_client, lines):
    reply = any_client.get(f"/v1/search?q={SECRET}")
    (line,) = lines()
    assert set(line) == {
        "time", "level", "request_id", "method", "route", "status", "bytes", "ms", "outcome", "generation",
    }  # fmt: skip
    assert line["request_id"] == reply.headers["X-Request-Id"]
    assert (line["method"], line["route"], line["status"], line["outcome"]) == ("GET", "/v1/search", 200, "answered")
    assert line["bytes"] == len(reply.data)
    assert line["generation"] == reply.json["index"]["generation"]
    assert line["ms"] >= reply.json["took_ms"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])


@pytest.mark.parametrize(
    ("ask", "route"),
    [
        (lambda client: client.get(f"/?q={SECRET}"), "/"),
        (lambda client: client.post("/", data={"q": f"{SECRET}\nи ещё"}), "/"),
        (lambda client: client.post("/v1/search", json={"query": SECRET}), "/v1/search"),
        (lambda client: client.post("/v1/answer", json={"query": SECRET}), "/v1/answer"),
        (lambda client: client.post("/v1/search", json={"query": SECRET, "limit": 99}), "/v1/search"),
        (lambda client: client.post("/v1/search", data=SECRET), "/v1/search"),
        (lambda client: client.get(f"/v1/suggest?q={SECRET}"), "/v1/suggest"),
        (lambda client: client.post("/agent", data={"text": SECRET}), "/agent"),
        (lambda client: client.get(f"/articles/{SECRET}"), "/articles/<path:article_id>"),
        (lambda client: client.get(f"/{SECRET}?q={SECRET}"), "unmatched"),
        (lambda client: client.get("/", headers={"X-Request-Id": f"{SECRET} и ещё"}), "/"),
    ],
)
def test_what_was_asked_is_in_no_line_and_no_metric(any_client, lines, ask, route):
    ask(any_client)
    (line,) = lines()
    assert line["route"] == route
    assert SECRET not in json.dumps(line)
    assert SECRET not in any_client.get("/metrics").text


@pytest.mark.parametrize("given", ["abc-123", "7c1e02aa-0000-4000-8000-0123456789ab", "a" * 64, "A.b_c"])
def test_sane_request_id_is_taken_from_the_caller(any_client, given):
    assert any_client.get("/livez", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "<b>", "a;b", "что-то", '"'])
def test_other_request_ids_are_replaced(any_client, given):
    found = any_client.get("/livez", headers={"X-Request-Id": given.encode().decode("latin-1")}).headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", found)


def test_each_request_has_its_own_id(any_client):
    assert len({any_client.get("/livez").headers["X-Request-Id"] for _ in range(3)}) == 3


def test_outcomes_are_told_apart(client, lines, app, monkeypatch):
    for _ in range(2):
        client.post("/v1/search", json={"query": "не приходят уведомления"})
    client.post("/v1/search", json={"query": ""})
    monkeypatch.setattr(app.extensions["live"].now().suggester, "suggest", lambda typed: 1 / 0)
    client.get("/v1/suggest?q=a")
    found = [line["outcome"] for line in lines() if "outcome" in line]
    assert found == ["answered", "cached", "refused", "error"]
    counted = numbers(client)
    assert counted['spravka_requests_total{outcome="answered",route="/v1/search"}'] == 2
    assert counted['spravka_requests_total{outcome="refused",route="/v1/search"}'] == 1
    assert counted['spravka_requests_total{outcome="error",route="/v1/suggest"}'] == 1


def test_search_of_which_a_part_failed_is_degraded(client, lines, app, monkeypatch):
    read = app.extensions["live"].now().searcher.read

    def degraded(*arguments):
        tracing.ended("degraded")
        return read(*arguments)

    monkeypatch.setattr(app.extensions["live"].now().searcher, "read", degraded)
    client.post("/v1/search", json={"query": "не приходят уведомления"})
    assert [line["outcome"] for line in lines()] == ["degraded"]
    assert numbers(client)['spravka_requests_total{outcome="degraded",route="/v1/search"}'] == 1


def test_failure_is_told_by_its_place_and_not_by_its_words(client, lines, app, monkeypatch):
    def fail(typed):
        raise ValueError(f"cannot read {typed}")

    monkeypatch.setattr(app.extensions["live"].now().suggester, "suggest", fail)
    client.get(f"/v1/suggest?q={SECRET}", headers={"X-Request-Id": "one"})
    failure, request = lines()
    assert (failure["level"], failure["error"], failure["request_id"]) == ("error", "ValueError", "one")
    assert failure["at"][-1].endswith("in fail")
    assert request["status"] == 500
    assert SECRET not in json.dumps([failure, request])


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/search", {"query": "не приходят уведомления"}), ("/v1/answer", {"query": "не приходят уведомления"})],
)
def test_reply_tells_the_time_of_each_stage(any_client, path, body):
    told = any_client.post(path, json=body).headers["Server-Timing"]
    times = {name: float(taken) for name, taken in re.findall(r"(\w+);dur=([\d.]+)", told)}
    assert set(times) == {"read", "lexical", "encode", "semantic", "fuse", "render", "whole"}
    assert sum(times.values()) - times["whole"] <= times["whole"] + 0.1


def test_only_searches_and_answers_tell_their_times(any_client):
    assert "Server-Timing" not in any_client.get("/?q=фото").headers
    assert "Server-Timing" not in any_client.get("/livez").headers


def test_times_come_by_stage_and_route(client):
    client.post("/v1/search", json={"query": "не приходят уведомления"})
    client.get("/?q=не приходят уведомления")
    counted = numbers(client)
    for route in ("/v1/search", "/"):
        for stage in ("read", "lexical", "encode", "semantic", "fuse", "render", "whole"):
            assert counted[f'spravka_stage_seconds_count{{route="{route}",stage="{stage}"}}'] == 1


def test_hits_and_misses_of_both_caches_are_counted(built_index):
    client = create_app(built_index, HashEncoder()).test_client()
    for limit in (1, 1, 2):
        client.post("/v1/search", json={"query": "как включить уведомления", "limit": limit})
    counted = numbers(client)
    assert counted['spravka_cache_lookups_total{cache="replies",result="hit"}'] == 1
    assert counted['spravka_cache_lookups_total{cache="replies",result="miss"}'] == 2
    assert counted['spravka_cache_lookups_total{cache="vectors",result="miss"}'] >= 1
    assert counted['spravka_cache_lookups_total{cache="vectors",result="hit"}'] >= 1


def test_requests_in_flight_end_whatever_happens(client, app, monkeypatch):
    monkeypatch.setattr(app.extensions["live"].now().suggester, "suggest", lambda typed: 1 / 0)
    client.get("/v1/suggest?q=a")
    client.get("/nowhere")
    assert numbers(client)["spravka_requests_in_flight"] == 1  # the one that asks


def test_metrics_name_the_generation(any_client, artifact):
    assert f'generation="{artifact.generation}"' in any_client.get("/metrics").text
    assert any_client.get("/metrics").headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"])
def test_metrics_are_for_this_machine(any_client, address):
    assert any_client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 200


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("10.0.0.7", {}),
        ("2001:db8::1", {}),
        ("", {}),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}),
        ("127.0.0.1", {"x-real-ip": "10.0.0.7"}),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.7"}),
    ],
)
def test_metrics_are_for_no_other_machine_not_through_a_proxy_either(any_client, address, headers):
    response = any_client.get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers)
    assert response.status_code == 403
    assert response.json["error"]["code"] == "forbidden"


def test_metrics_are_for_all_where_the_operator_says_so(built_index, encoder):
    client = create_app(built_index, encoder, metrics_public=True).test_client()
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.7"}).status_code == 200


def test_two_applications_count_apart(client, built_index, encoder):
    client.get("/v1/suggest?q=a")
    other = create_app(built_index, encoder).test_client()
    assert not any("/v1/suggest" in name for name in numbers(other))
