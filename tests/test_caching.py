"""Vectors and replies that are kept: what is new in each reply, what is bounded, what is not kept."""

import json

import numpy as np
import pytest
from helpers import HashEncoder

from server import caching
from server.app import create_app
from server.caching import RememberingEncoder, Replies, Reply
from server.found import Result


class Counting(HashEncoder):
    def __init__(self):
        super().__init__()
        self.asked: list[str] = []

    def encode_query(self, query):
        self.asked.append(query)
        return super().encode_query(query)


@pytest.fixture
def counting():
    return Counting()


@pytest.fixture
def client(built_index, counting):
    return create_app(built_index, counting).test_client()


def reply_of(text: str) -> Reply:
    body = json.dumps({"query_id": "0" * 32, "query": text, "took_ms": 12.25, "hits": []}).replace(": ", ":").encode()
    return Reply.of(body, Result(None, (), 0.0, False, False))  # type: ignore[arg-type]


def test_a_query_is_encoded_once_and_its_vector_cannot_be_changed(counting):
    remembering = RememberingEncoder(counting)
    first, second = remembering.encode_query("фото"), remembering.encode_query("фото")
    assert counting.asked == ["фото"]
    np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def test_only_the_last_queries_are_remembered(counting, monkeypatch):
    monkeypatch.setattr(caching, "_VECTORS", 2)
    remembering = RememberingEncoder(counting)
    for query in ("а", "б", "в", "а"):
        remembering.encode_query(query)
    assert counting.asked == ["а", "б", "в", "а"]


@pytest.mark.parametrize("text", ["фото", '"took_ms":1, "query_id":"f"', "\\"])
def test_a_kept_reply_has_a_new_id_and_time_and_nothing_else_new(text):
    kept = reply_of(text)
    found = json.loads(kept.body("f" * 32, 0.01))
    assert found == {"query_id": "f" * 32, "query": text, "took_ms": 0.01, "hits": []}


def test_replies_are_bounded_by_their_bytes(monkeypatch):
    monkeypatch.setattr(caching, "_REPLIES", 10_000)
    replies = Replies()
    for number in range(5):
        replies.keep(number, reply_of("а" * 100))
    assert [replies.get(number) is not None for number in range(5)] == [False, False, False, True, True]
    replies.keep("large", reply_of("а" * 20_000))
    assert replies.get("large") is None


def test_the_same_search_is_answered_from_what_was_kept_under_a_new_id(client, counting):
    ask = {"query": "не приходят уведомления", "limit": 3}
    first, second = (client.post("/v1/search", json=ask).get_json() for _ in range(2))
    assert first["query_id"] != second["query_id"]
    assert {**first, "query_id": "", "took_ms": 0} == {**second, "query_id": "", "took_ms": 0}
    assert len(counting.asked) == len(set(counting.asked))


def test_searches_that_differ_in_anything_are_told_apart(client):
    ask = {"query": "не приходят уведомления"}
    assert len(client.post("/v1/search", json={**ask, "limit": 1}).get_json()["hits"]) == 1
    assert len(client.post("/v1/search", json={**ask, "limit": 2}).get_json()["hits"]) == 2
    assert len(client.get("/v1/search?q=не приходят уведомления&limit=1").get_json()["hits"]) == 1


def test_what_was_refused_is_refused_again(client):
    for _ in range(2):
        assert client.post("/v1/search", json={"query": ""}).status_code == 422
        assert client.post("/v1/search", data='{"query": "фото"}').status_code == 415


def test_a_vote_on_a_kept_reply_is_taken(built_index, counting, tmp_path):
    client = create_app(built_index, counting, data=tmp_path).test_client()
    for _ in range(2):
        found = client.post("/v1/search", json={"query": "не приходят уведомления"}).get_json()
        vote = {"query_id": found["query_id"], "section_id": found["hits"][0]["section_id"], "outcome": "solved"}
        assert client.post("/v1/feedback", json=vote).status_code == 201
