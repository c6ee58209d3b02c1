"""Votes: kept by query id with --data, by JSON and by plain forms; those of other sites are refused."""

import logging
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from server import retention
from server.app import create_app
from server.journal import FILE, Journal, JournalError, read_journals
from server.openapi import document
from server.quotes import Quoter
from server.steps import StepFinder

QUERY = "мой секретный вопрос про уведомления"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def app(built_index, encoder, folder):
    return create_app(built_index, encoder, folder)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="module")
def client_without(built_index, encoder):
    return create_app(built_index, encoder).test_client()


@pytest.fixture
def reply(client):
    return client.post("/v1/search", json={"query": QUERY}).json


def vote(reply, **values):
    return {"query_id": reply["query_id"], "section_id": reply["hits"][0]["section_id"], "outcome": "solved"} | values


def test_vote_is_kept_by_query_id_and_a_later_one_takes_its_place(client, reply, folder):
    assert client.post("/v1/feedback", json=vote(reply, outcome="outdated")).status_code == 201
    response = client.post("/v1/feedback", json=vote(reply, comment=" теперь помогло "))
    assert response.status_code == 201
    assert response.json == vote(reply)
    (kept,) = read_journals([folder]).feedback
    assert (kept.query_id, kept.section_id) == (reply["query_id"], reply["hits"][0]["section_id"])
    assert (kept.outcome, kept.comment) == ("solved", "теперь помогло")


def test_query_is_remembered_by_what_was_shown_but_not_by_its_text(client, reply, folder):
    client.get("/", query_string={"q": QUERY})
    contents = read_journals([folder])
    assert [query.query for query in contents.queries] == ["", ""]
    assert contents.queries[0].sections == tuple(hit["section_id"] for hit in reply["hits"])
    assert "секретный".encode() not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_what_is_personal_in_a_comment_is_masked_and_nothing_of_it_is_logged(client, reply, folder, caplog):
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/feedback", json=vote(reply, comment="я — Анна, звоните +7 912 345-67-89, anna@example.ru"))
    (kept,) = read_journals([folder]).feedback
    assert kept.comment == "я — [имя скрыто], звоните ‹телефон›, ‹почта›"
    assert "anna" not in caplog.text
    assert "звоните" not in caplog.text


@pytest.mark.parametrize(
    ("values", "status", "code", "field"),
    [
        ({"outcome": "great"}, 422, "invalid_value", "outcome"),
        ({"outcome": None}, 422, "invalid_value", "outcome"),
        ({"comment": "а" * 1001}, 422, "too_long", "comment"),
        ({"comment": 7}, 422, "invalid_value", "comment"),
        ({"query_id": "a" * 65}, 422, "too_long", "query_id"),
        ({"query_id": "неизвестный"}, 404, "query_not_found", "query_id"),
        ({"query_id": ""}, 404, "query_not_found", "query_id"),
        ({"section_id": "no#such"}, 404, "section_not_found", "section_id"),
        ({"stars": 5}, 422, "unknown_field", "stars"),
    ],
)
def test_wrong_votes_are_told_what_is_wrong(client, reply, folder, values, status, code, field):
    response = client.post("/v1/feedback", json=vote(reply, **values))
    assert response.status_code == status
    assert response.json["error"]["code"] == code
    assert response.json["error"]["field"] == field
    assert read_journals([folder]).feedback == ()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": [1]}, 400),
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": {"outcome": "solved"}}, 415),
    ],
)
def test_bodies_that_are_no_votes_are_refused(client, sent, status):
    assert client.post("/v1/feedback", **sent).status_code == status


def test_vote_on_a_renamed_section_counts_for_its_present_id(client, reply):
    response = client.post("/v1/feedback", json=vote(reply, section_id="profile#avatar"))
    assert response.json["section_id"] == "profile#photo"


def test_lone_surrogates_do_no_harm(client, reply):
    body = '{"query_id": "%s", "section_id": "profile#photo", "outcome": "solved", "comment": "\\ud800 да"}'
    response = client.post("/v1/feedback", data=body % reply["query_id"], content_type="application/json")
    assert response.status_code == 201


def test_replies_are_of_the_shape_that_openapi_promises(client, reply):
    responses = document()["paths"]["/v1/feedback"]["post"]["responses"]
    whole = {"components": document()["components"]}
    for values, status in (({}, 201), ({"outcome": "great"}, 422), ({"query_id": "x"}, 404)):
        response = client.post("/v1/feedback", json=vote(reply, **values))
        schema = responses[str(status)]["content"]["application/json"]["schema"]
        jsonschema.validate(response.json, whole | schema, jsonschema.Draft202012Validator)


def test_without_a_data_folder_votes_are_refused_and_no_buttons_shown(client_without):
    reply = client_without.post("/v1/search", json={"query": QUERY}).json
    response = client_without.post("/v1/feedback", json=vote(reply))
    assert response.status_code == 404
    assert response.json["error"]["code"] == "feedback_off"
    assert client_without.post("/feedback", data=vote(reply)).status_code == 404
    for address in ("/articles/files", "/?q=фото"):
        assert "Помогло" not in client_without.get(address).text


def form_of(page):
    """The fields of the first form of a page that votes."""
    form = re.search(r"<form[^>]*data-feedback.*?</form>", page.text, re.DOTALL)[0]
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


def test_plain_form_of_the_results_votes_and_leads_back_with_thanks(client, folder):
    page = client.get("/?q=фото&platform=ios")
    fields = form_of(page)
    assert fields["outcome"] == "solved"
    back = "http://localhost/?q=фото&platform=ios"
    response = client.post("/feedback", data=fields, headers={"Referer": back, "Origin": "http://localhost"})
    assert response.status_code == 303
    assert response.headers["Location"].endswith("&platform=ios&voted=1#page-feedback")
    (kept,) = read_journals([folder]).feedback
    assert (kept.query_id, kept.section_id) == (fields["query_id"], fields["section_id"])
    thanks = client.get(response.headers["Location"])
    assert 'id="page-feedback"' in thanks.text
    assert "Спасибо" in thanks.text
    assert "data-feedback" not in thanks.text


def test_results_ask_once_in_the_answer_card_and_no_more_after_the_vote(client):
    page = client.get("/", query_string={"q": "не приходят уведомления"})
    assert page.text.count('id="page-feedback"') == 1
    card = re.search(r'<section class="card answer".*?<h2 class="more-sections">', page.text, re.DOTALL)[0]
    assert 'id="page-feedback"' in card
    thanks = client.get("/", query_string={"q": "не приходят уведомления", "voted": 1})
    assert thanks.text.count("Спасибо") == 1
    assert "data-feedback" not in thanks.text
    # Steps ticked after the vote do not ask anew.
    assert '<input type="hidden" name="voted" value="1">' in thanks.text


def test_results_without_an_answer_card_ask_once_below_them(client, monkeypatch):
    monkeypatch.setattr(StepFinder, "steps", lambda *given: ())
    monkeypatch.setattr(Quoter, "quote", lambda *given: None)
    page = client.get("/", query_string={"q": "фото"})
    assert 'class="card answer"' not in page.text
    assert page.text.count('id="page-feedback"') == 1


def test_plain_form_of_an_article_takes_a_vote_of_who_did_not_search(client, folder):
    fields = form_of(client.get("/articles/files"))
    response = client.post("/feedback", data=fields | {"outcome": "outdated", "comment": "папка другая"})
    assert response.headers["Location"] == "/articles/files?voted=1#page-feedback"
    contents = read_journals([folder])
    assert [(kept.section_id, kept.outcome, kept.comment) for kept in contents.feedback] == [
        ("files#top", "outdated", "папка другая")
    ]
    assert contents.queries[0].query == ""
    assert client.get(response.headers["Location"]).text.count('id="page-feedback"') == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),  # no browser
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),  # another host of the same domain
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 303),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_forms_of_other_sites_are_refused(client, folder, headers, status):
    fields = form_of(client.get("/articles/files"))
    response = client.post("/feedback", data=fields, headers=headers)
    assert response.status_code == status
    assert len(read_journals([folder]).feedback) == (status == 303)


@pytest.mark.parametrize("referer", ["http://evil.example/articles/files", "http://localhost//evil.example/", "", "::"])
def test_nobody_is_led_away_to_another_site(client, referer):
    fields = form_of(client.get("/articles/files"))
    response = client.post("/feedback", data=fields, headers={"Referer": referer, "Sec-Fetch-Site": "same-origin"})
    assert response.headers["Location"].startswith("/articles/files?")


def test_unknown_outcome_of_a_form_is_a_page_that_says_so(client):
    response = client.post("/feedback", data=form_of(client.get("/articles/files")) | {"outcome": "great"})
    assert response.status_code == 422
    assert response.mimetype == "text/html"


def test_a_journal_that_fails_costs_votes_but_no_answers(client, app, reply, monkeypatch):
    def fail(*args, **kwargs):
        raise JournalError("the disk is full")

    monkeypatch.setattr(Journal, "_add", fail)
    assert client.post("/v1/search", json={"query": QUERY}).status_code == 200
    response = client.post("/v1/feedback", json=vote(reply))
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert response.json["error"]["code"] == "feedback_unavailable"
    assert "disk" not in response.text


def test_queries_that_nobody_voted_on_are_dropped_after_a_day(app, client, reply, folder, monkeypatch):
    client.post("/v1/feedback", json=vote(reply))
    client.post("/v1/search", json={"query": QUERY})
    long_ago = (datetime.now(UTC) - timedelta(days=2)).isoformat(timespec="milliseconds")
    with closing(sqlite3.connect(folder / FILE)) as db:
        db.execute("UPDATE queries SET created = ?", (long_ago,))
        db.execute("INSERT INTO queries VALUES ('kept', ?, 'текст, который хранят', 1, 0.5, '[]')", (long_ago,))
        db.commit()
    monkeypatch.setattr(retention, "_SWEEP", 0.0)
    client.post("/v1/search", json={"query": QUERY})
    left = [query.query_id for query in read_journals([folder]).queries]
    assert len(left) == 3
    assert {reply["query_id"], "kept"} < set(left)


def test_a_folder_that_cannot_hold_votes_is_refused_at_the_start(built_index, encoder, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(JournalError):
        create_app(built_index, encoder, tmp_path / "file")
