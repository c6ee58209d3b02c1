"""A batch: every search in it is answered, refused, kept, logged and counted as it would be by itself."""

import json
import time

import pytest
from flask.testing import FlaskClient
from helpers import HashEncoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server import deadline, schema
from server.access import Rules
from server.app import create_app
from server.bounds import Bounds
from server.incoming import Incoming
from server.journal import read_journals
from server.worker import LARGER_BODIES, MAXIMUM_BODY

PATH = "/v1/search/batch"
WORDS = "фото чат звонок не приходят уведомления на айфоне админ код из смс удалить создать борщ cvtybnm foto 500"
SEARCHES = st.fixed_dictionaries(
    {"query": st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=5).map(" ".join)},
    optional={
        "limit": st.integers(0, 8),
        "per_article": st.integers(1, 3),
        "mode": st.sampled_from(["hybrid", "lexical", "semantic"]),
        "abstain": st.booleans(),
        "as_typed": st.booleans(),
        "explain": st.booleans(),
        "max_tokens": st.sampled_from([None, 50, 90]),
        "context": st.sampled_from([[], ["как создать чат"]]),
        "filters": st.sampled_from([{}, {"platform": ["ios"]}, {"audience": ["admin"]}, {"topic": ["chats"]}]),
    },
)


@pytest.fixture(scope="module")
def client(built_index, encoder) -> FlaskClient:
    return create_app(built_index, encoder).test_client()


def without_new(reply: dict) -> dict:
    """A reply without what is new each time."""
    return {name: value for name, value in reply.items() if name not in ("query_id", "took_ms")}


def batch(client: FlaskClient, *queries: object, **more):
    return client.post(PATH, json={"queries": list(queries)}, **more)


@settings(max_examples=25, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(searches=st.lists(SEARCHES, min_size=1, max_size=8))
def test_each_search_is_answered_as_by_itself(client: FlaskClient, searches: list[dict]):
    together = batch(client, *searches).json["results"]
    alone = [client.post("/v1/search", json=search).json for search in searches]
    assert list(map(without_new, together)) == list(map(without_new, alone))
    ids = [reply["query_id"] for reply in together if "query_id" in reply]
    assert len(ids) == len(set(ids))


def test_errors_stand_in_their_place_and_harm_no_other(client: FlaskClient):
    wrong = [{"query": ""}, "фото", None, {"query": "фото", "limit": 0}, {}, [[]], {"query": "фото", "\ud800": 1}]
    results = batch(client, {"query": "фото"}, *wrong, {"query": "чат"}).json["results"]
    assert len(results) == len(wrong) + 2
    assert results[0]["query"] == "фото"
    assert results[-1]["query"] == "чат"
    codes = [each["error"]["code"] for each in results[1:-1]]
    assert codes == ["query_empty", "bad_json", "bad_json", "invalid_value", "missing", "bad_json", "unknown_field"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "queries"),
        ({"queries": []}, "queries"),
        ({"queries": [{"query": "фото"}] * 65}, "queries"),
        ({"queries": {"query": "фото"}}, "queries"),
        ({"queries": [{"query": "фото"}], "limit": 3}, "limit"),
    ],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(client: FlaskClient, body: dict, field: str):
    response = client.post(PATH, json=body)
    assert response.status_code == 422
    assert response.json["error"]["field"] == field


def test_a_batch_may_be_larger_than_other_requests_and_not_without_bound(client: FlaskClient):
    long = {"query": "фото " * 3000}
    assert len(json.dumps(long)) * 60 > schema.MAXIMUM_BODY
    assert [each["query"] for each in batch(client, *[long] * 20).json["results"]] == [long["query"]] * 20
    response = client.post(PATH, data=b" " * (schema.MAXIMUM_BATCH_BODY + 1), content_type="application/json")
    assert response.status_code == 413
    assert "2 МБ" in response.json["error"]["message"]


@pytest.mark.parametrize(("path", "state"), [(PATH, "partial"), ("/v1/search", "body_too_large")])
def test_the_loop_waits_for_a_large_body_on_the_way_to_a_batch_alone(path: str, state: str):
    incoming = Incoming(MAXIMUM_BODY, LARGER_BODIES)
    head = f"POST {path} HTTP/1.1\r\nContent-Length: {2 * 1024 * 1024}\r\n\r\n"
    assert incoming.take(head.encode()) == state
    too_large = Incoming(MAXIMUM_BODY, LARGER_BODIES)
    assert too_large.take(f"POST {PATH} HTTP/1.1\r\nContent-Length: 2097153\r\n\r\n".encode()) == "body_too_large"


class Failing(HashEncoder):
    def encode_query(self, query):
        if "сломано" in query:
            raise RuntimeError(query)
        return super().encode_query(query)


def test_a_search_whose_semantic_half_fails_is_found_by_words(built_index):
    results = batch(
        create_app(built_index, Failing()).test_client(), {"query": "фото"}, {"query": "фото сломано"}
    ).json["results"]
    assert [each["degraded"] for each in results] == [None, "semantic_unavailable"]


def test_a_search_that_breaks_is_an_error_of_its_own_and_its_text_is_not_logged(client, monkeypatch, caplog):
    right = schema.read_search_request

    def read(values, *, typed):
        if values == {"query": "секрет"}:
            raise RuntimeError
        return right(values, typed=typed)

    monkeypatch.setattr(schema, "read_search_request", read)
    results = batch(client, {"query": "секрет"}, {"query": "фото"}).json["results"]
    assert results[0]["error"]["code"] == "internal"
    assert results[1]["hits"]
    assert "RuntimeError in a search of a batch" in caplog.text
    assert "секрет" not in caplog.text


def test_searches_that_time_does_not_suffice_for_are_told_so(built_index, encoder, monkeypatch):
    client = create_app(built_index, encoder, bounds=Bounds(request_seconds=30)).test_client()
    asked = []
    check = deadline.check

    def over():
        asked.append(1)
        if len(asked) > 24:
            monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() + 60)
        check()

    monkeypatch.setattr(deadline, "check", over)
    results = batch(client, *({"query": f"фото {number}"} for number in range(20))).json["results"]
    assert any("hits" in each for each in results)
    assert results[-1]["error"]["code"] == "timeout"


def test_every_search_is_remembered_for_votes_and_logged(built_index, encoder, tmp_path):
    client = create_app(built_index, encoder, tmp_path, query_log_days=3).test_client()
    first, second = batch(client, {"query": "фото"}, {"query": "чат"}).json["results"]
    assert {query.query for query in read_journals([tmp_path]).queries} == {"фото", "чат"}
    vote = {"query_id": second["query_id"], "section_id": second["hits"][0]["section_id"], "outcome": "solved"}
    assert client.post("/v1/feedback", json=vote).status_code == 201
    assert first["query_id"] != second["query_id"]


def test_metrics_count_searches_beside_requests(built_index, encoder):
    client = create_app(built_index, encoder).test_client()
    batch(client, {"query": "фото"}, {"query": "фото"}, {"query": ""})
    batch(client, {"query": "фото"})
    told = client.get("/metrics").text
    assert f'spravka_requests_total{{outcome="answered",route="{PATH} item"}} 3.0' in told
    assert f'spravka_requests_total{{outcome="refused",route="{PATH} item"}} 1.0' in told
    assert f'spravka_requests_total{{outcome="answered",route="{PATH}"}} 2.0' in told


def test_a_batch_counts_for_a_rate_limit_as_its_searches_do(built_index, encoder):
    client = create_app(built_index, encoder, rules=Rules(rate_limit="10 per minute")).test_client()
    assert batch(client, *[{"query": "фото"}] * 7).headers["RateLimit-Remaining"] == "3"
    assert batch(client, *[{"query": "фото"}] * 4).status_code == 429
    assert batch(client, *[{"query": "фото"}] * 2).status_code == 200


def test_internal_sections_stay_hidden_in_a_batch(built_index, encoder):
    hiding = create_app(built_index, encoder, rules=Rules(hide_internal=True)).test_client()
    body = {"query": "служба сервер остановить", "abstain": False, "limit": 50}
    shown = {hit["article_id"] for hit in batch(hiding, body).json["results"][0]["hits"]}
    alone = {hit["article_id"] for hit in hiding.post("/v1/search", json=body).json["hits"]}
    assert shown == alone
    whole = create_app(built_index, encoder).test_client()
    assert {hit["article_id"] for hit in batch(whole, body).json["results"][0]["hits"]} > shown
