"""The JSON routes: replies in shape, every wrong request in the one error shape, nothing leaking."""

import json
import logging

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.app import create_app
from server.openapi import document


@pytest.fixture(scope="module")
def client(built_index, encoder):
    return create_app(built_index, encoder).test_client()


def post(client, body, **more):
    return client.post("/v1/search", json=body, **more)


def check_shape(response, path, method="get", status="200"):
    """The reply is what /openapi.json promises."""
    contract = document()
    schema = contract["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    whole = {**schema, "components": contract["components"]}
    jsonschema.validate(json.loads(response.data), whole, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/v1/search", "/v1/search?q=фото&limit=3&platform=ios&platform=web&abstain=false"),
        ("/v1/sections", "/v1/sections?id=profile%23photo"),
        ("/v1/articles", "/v1/articles"),
        ("/v1/suggest", "/v1/suggest?q=увед"),
        ("/v1/articles/{article_id}", "/v1/articles/sign-in"),
        ("/healthz", "/healthz"),
        ("/livez", "/livez"),
        ("/readyz", "/readyz"),
        ("/version", "/version"),
    ],
)
def test_replies_are_of_the_shape_that_openapi_promises(client, path, address):
    response = client.get(address)
    assert response.status_code == 200
    check_shape(response, path)


def test_post_and_get_give_the_same_hits(client):
    body = {"query": "не приходят уведомления", "limit": 4, "filters": {"platform": ["android"]}}
    posted = post(client, body)
    check_shape(posted, "/v1/search", "post")
    got = client.get("/v1/search?q=не приходят уведомления&limit=4&platform=android")
    assert [hit["section_id"] for hit in posted.json["hits"]] == [hit["section_id"] for hit in got.json["hits"]]
    assert len(posted.json["hits"]) == 4


def test_reply_says_what_was_read_and_by_which_index(client, artifact):
    reply = post(client, {"query": " как \u202eсменить  фото? "}).json
    assert reply["interpretation"]["kind"] == "question"
    assert reply["interpretation"]["read_as"] == "как сменить фото?"
    assert reply["interpretation"]["changes"] == []
    assert reply["index"] == {"generation": artifact.generation, "model": "hash"}
    assert reply["calibrated"] is False
    assert reply["answerable"] is True


def test_russian_text_is_readable_in_the_bytes(client):
    assert "фото".encode() in post(client, {"query": "фото"}).data


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 422, "missing", "query"),
        ({"query": "  \n"}, 422, "query_empty", "query"),
        ({"query": 7}, 422, "invalid_value", "query"),
        ({"query": "a" * 16385}, 422, "query_too_long", "query"),
        ({"query": "кэш", "limit": 0}, 422, "invalid_value", "limit"),
        ({"query": "кэш", "limit": 51}, 422, "invalid_value", "limit"),
        ({"query": "кэш", "limit": "5"}, 422, "invalid_value", "limit"),
        ({"query": "кэш", "limit": True}, 422, "invalid_value", "limit"),
        ({"query": "кэш", "limit": 5.5}, 422, "invalid_value", "limit"),
        ({"query": "кэш", "mode": "fast"}, 422, "invalid_value", "mode"),
        ({"query": "кэш", "abstain": "no"}, 422, "invalid_value", "abstain"),
        ({"query": "кэш", "colour": "red"}, 422, "unknown_field", "colour"),
        ({"query": "кэш", "\ud800": 1}, 422, "unknown_field", None),
        ({"query": "кэш", "filters": {"colour": ["red"]}}, 422, "unknown_field", "filters.colour"),
        ({"query": "кэш", "filters": {"platform": ["toaster"]}}, 422, "invalid_value", "filters.platform"),
        ({"query": "кэш", "filters": {"platform": "ios"}}, 422, "invalid_value", "filters.platform"),
        ({"query": "кэш", "filters": {"topic": ["nothing"]}}, 422, "invalid_value", "filters.topic"),
        ({"query": "кэш", "filters": {"topic": ["\ud800"]}}, 422, "invalid_value", "filters.topic"),
        ({"query": "кэш", "per_article": 0}, 422, "invalid_value", "per_article"),
        ({"query": "кэш", "max_tokens": 49}, 422, "invalid_value", "max_tokens"),
        ({"query": "кэш", "max_tokens": 20_000}, 422, "invalid_value", "max_tokens"),
        ({"query": "кэш", "next": "x"}, 422, "missing", "max_tokens"),
        ({"query": "кэш", "max_tokens": 100, "next": "x"}, 422, "invalid_value", "next"),
        ({"query": "кэш", "context": ["раньше"] * 21}, 422, "too_long", "context"),
        ({"query": "кэш", "context": ["а" * 2001]}, 422, "too_long", "context"),
        ({"query": "кэш", "context": "раньше"}, 422, "invalid_value", "context"),
        ([1], 400, "bad_json", None),
        ("кэш", 400, "bad_json", None),
    ],
)
def test_wrong_requests_are_told_what_is_wrong(client, body, status, code, field):
    response = post(client, body)
    assert response.status_code == status
    check_shape(response, "/v1/search", "post", str(status))
    assert response.json["error"]["code"] == code
    assert response.json["error"]["field"] == field


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"q=1", "text/plain", 415),
        (b'{"query": "1"}', None, 415),
        (b'{"query": "' + b"a" * 262_144 + b'"}', "application/json", 413),
    ],
)
def test_bodies_that_are_no_json_are_refused(client, raw, kind, status):
    response = client.post("/v1/search", data=raw, content_type=kind)
    assert response.status_code == status
    check_shape(response, "/v1/search", "post", str(status))


def test_whole_numbers_may_be_written_with_a_point(client):
    hits = post(client, {"query": "чат", "limit": 2.0, "per_article": 1.0, "abstain": False}).json["hits"]
    assert hits == post(client, {"query": "чат", "limit": 2, "per_article": 1, "abstain": False}).json["hits"] != []


def test_every_field_may_be_given_its_default(client):
    body = {"query": "кэш", "as_typed": False, "explain": False, "max_tokens": None, "context": [], "next": None}
    assert post(client, body).status_code == 200


def test_a_repair_is_told_and_can_be_refused(client):
    read = post(client, {"query": "cvtybnm ajnj"}).json
    assert read["interpretation"]["read_as"] == "сменить фото"
    assert [change["kind"] for change in read["interpretation"]["changes"]] == ["layout", "layout"]
    assert read["interpretation"]["changes"][0] | {"confidence": 0} == {
        "kind": "layout",
        "from": "cvtybnm",
        "to": "сменить",
        "confidence": 0,
    }
    assert read["hits"][0]["section_id"] == "profile#photo"
    as_typed = post(client, {"query": "cvtybnm ajnj", "as_typed": True})
    check_shape(as_typed, "/v1/search", "post")
    assert as_typed.json["interpretation"]["read_as"] == "cvtybnm ajnj"
    assert as_typed.json["interpretation"]["changes"] == []


def test_a_pasted_error_is_taken_apart_without_what_is_personal(client):
    text = "12.03.2026 08:15 ERROR botx: chat_not_found\nпишите на anna@example.ru"
    response = post(client, {"query": text})
    check_shape(response, "/v1/search", "post")
    read = response.json["interpretation"]
    assert read["kind"] == "error"
    assert read["error"] == {
        "codes": ["chat_not_found"],
        "message": "botx: chat_not_found",
        "skeleton": "botx: chat_not_found",
    }
    assert "anna" not in read["read_as"]
    assert "error" in response.json["hits"][0]["matched_by"]


@pytest.mark.parametrize("query", ["кэш\0", "\u202eкэш", "????", "🔥🔥", "Ошибка 500\n" * 700, "а" * 16384])
def test_odd_text_is_answered(client, query):
    response = post(client, {"query": query})
    assert response.status_code == 200
    check_shape(response, "/v1/search", "post")


def test_half_a_character_in_json_is_dropped(client):
    response = client.post("/v1/search", data=rb'{"query": "\ud800 chat_not_found"}', content_type="application/json")
    assert response.status_code == 200
    assert response.json["hits"][0]["section_id"] == "errors#chat-not-found"


def test_a_query_without_words_has_no_hits_and_says_so(client):
    reply = post(client, {"query": "???"}).json
    assert (reply["hits"], reply["near_misses"], reply["answerable"]) == ([], [], False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/v1/nothing", 404),
        ("get", "/v1/search/x", 404),
        ("get", "/v1/sections?id=no%23such", 404),
        ("get", "/v1/sections", 404),
        ("get", "/v1/articles/nothing", 404),
        ("get", "/v1/search", 422),
        ("get", "/v1/search?q=кэш&colour=red", 422),
        ("get", "/v1/search?q=кэш&limit=пять", 422),
        ("post", "/v1/articles", 405),
        ("delete", "/v1/search", 405),
    ],
)
def test_wrong_addresses_and_methods_have_the_error_shape(client, method, path, status):
    response = getattr(client, method)(path)
    assert response.status_code == status
    assert set(response.json["error"]) == {"code", "message", "field"}
    if status == 405:
        assert response.headers["Allow"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/v1/sections?id=profile%23avatar", "/v1/sections?id=profile%23photo"),
        ("/v1/sections?id=settings%23display-name", "/v1/sections?id=profile%23name"),
        ("/v1/articles/account", "/v1/articles/profile"),
    ],
)
def test_old_addresses_answer_301(client, old, new):
    response = client.get(old)
    assert response.status_code == 301
    assert response.headers["Location"] == new
    assert client.get(new).status_code == 200


def test_section_and_article_hold_the_same_text_as_the_hit(client):
    hit = next(
        hit
        for hit in post(client, {"query": "как войти по номеру телефона"}).json["hits"]
        if hit["section_id"] == "sign-in#phone"
    )
    section = client.get("/v1/sections", query_string={"id": hit["section_id"]}).json
    article = client.get("/v1/articles/" + hit["article_id"]).json
    texts = {entry["section_id"]: entry["text"] for entry in article["sections"]}
    assert section["text"] == hit["text"] == texts[hit["section_id"]]
    steps = {entry["section_id"]: entry["steps"] for entry in article["sections"]}[hit["section_id"]]
    assert steps[0]["substeps"] == ["Код страны подставится сам.", "Номер можно вставить из буфера обмена."]
    assert steps[4]["danger"] == ["needs_admin"]


def test_a_failure_inside_is_told_without_details_and_the_query_stays_out_of_the_log(built_index, encoder, caplog):
    app = create_app(built_index, encoder)

    def fail(*args, **kwargs):
        raise RuntimeError("the disk burns")

    app.extensions["live"].now().searcher.search = fail
    with caplog.at_level(logging.DEBUG):
        response = post(app.test_client(), {"query": "мой секретный вопрос"})
    assert response.status_code == 500
    assert response.json["error"]["code"] == "internal"
    assert "disk" not in response.text
    assert "RuntimeError" in caplog.text
    assert "секретный" not in caplog.text


@given(query=st.text(max_size=300))
def test_any_text_is_a_query(client, query):
    response = client.post("/v1/search", data=json.dumps({"query": query}), content_type="application/json")
    assert response.status_code == (200 if query.encode("utf-8", "ignore").decode().strip() else 422)


@given(
    body=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
    | st.dictionaries(
        st.sampled_from(["query", "limit", "filters", "mode", "per_article", "context", "x"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | st.lists(st.text(), max_size=3),
    )
)
def test_no_json_makes_the_server_fail(client, body):
    response = client.post("/v1/search", data=json.dumps(body), content_type="application/json")
    assert response.status_code in {200, 400, 422}
