"""The pages as they are without JavaScript."""

import dataclasses
import html
import re

import pytest

from indexer.calibration import FEATURES_VERSION, Calibration
from server.app import create_app
from server.pages import counted, russian_date
from server.search import Searcher


@pytest.fixture(scope="module")
def client(built_index, encoder):
    return create_app(built_index, encoder).test_client()


def text_of(response):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def test_start_page_lists_topics_with_their_sections_and_featured_questions(client):
    response = client.get("/")
    text = text_of(response)
    assert "Начало работы" in text
    assert 'href="/articles/sign-in#phone">Как войти по номеру телефона' in response.text
    assert re.search(r"\d+ раздел", text)
    assert 'href="/?q=' in response.text  # examples are links to searches


def test_results_stand_under_their_article_with_marks_badges_and_anchors(client):
    response = client.get("/?q=не приходят уведомления&platform=android")
    assert response.status_code == 200
    assert 'href="/articles/notifications#missing-android"' in response.text
    assert "<mark>" in response.text
    assert "<li>Android</li>" in response.text
    assert response.text.count(">Уведомления</a></p>") == 1  # one group for three sections
    assert "не приходят уведомления</textarea>" in response.text


def test_nothing_found_is_said_plainly_with_ways_to_reach_support(client):
    text = text_of(client.get("/?q=????"))
    assert "В справке нет ответа на этот вопрос." in text
    assert "напишите в поддержку" in text


def test_a_repaired_query_says_so_and_offers_what_was_typed(client):
    response = client.get("/?q=cvtybnm ajnj&platform=ios")
    assert "Показано по запросу сменить фото . Искать как набрано: cvtybnm ajnj" in text_of(response)
    link = html.unescape(re.search(r'Искать как набрано: <a href="([^"]+)"', response.text)[1])
    assert "platform=ios" in link
    as_typed = client.get(link)
    assert "Показано по запросу" not in as_typed.text
    assert "cvtybnm ajnj</textarea>" in as_typed.text


def test_a_pasted_error_shows_its_code_and_message(client):
    text = text_of(client.post("/", data={"q": "12.03.2026 08:15 ERROR botx: chat_not_found\nчто делать"}))
    assert "Код chat_not_found" in text
    assert "Сообщение botx: chat_not_found" in text


@pytest.mark.parametrize(("intercept", "near"), [(-0.5, True), (-5.0, False)])
def test_near_misses_stand_apart_where_nothing_answers_and_far_ones_are_not_shown(
    built_index, encoder, intercept, near
):
    app = create_app(built_index, encoder)
    serving = app.extensions["live"].now()
    found = serving.searcher
    strict = dataclasses.replace(found.artifact, calibration=never(found, intercept))
    searcher = Searcher(strict, found.encoder, found.ranking)
    app.extensions["live"].serve(dataclasses.replace(serving, searcher=searcher))
    text = text_of(app.test_client().get("/?q=шиншилла"))
    assert "В справке нет ответа на этот вопрос." in text
    assert ("Возможно, близко" in text) is near


def never(searcher, intercept):
    """A calibration by which nothing answers, and every section is equally relevant."""
    return Calibration(
        features_version=FEATURES_VERSION,
        model_fingerprint=searcher.encoder.fingerprint,
        corpus_digest="",
        terms={},
        direction=(0.0,) * searcher.encoder.dimension,
        intercept=intercept,
        threshold=0.9,
        fitted_on={},
        figures={},
    )


def test_filters_are_kept_and_unknown_ones_left_aside(client):
    response = client.get("/?q=уведомления&platform=ios")
    assert '<option value="ios" selected>' in response.text
    assert "missing-android" not in response.text
    assert client.get("/?q=уведомления&platform=toaster").status_code == 200


def test_short_text_by_post_goes_to_its_address(client):
    response = client.post("/", data={"q": "не приходит код", "platform": "ios", "audience": ""})
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/?q=")
    assert "platform=ios" in response.headers["Location"]
    assert "audience" not in response.headers["Location"]
    assert client.post("/", data={"q": "  "}).headers["Location"] == "/"


@pytest.mark.parametrize("text", ["первая строка\r\nchat_not_found", "chat_not_found " + "лог " * 100])
def test_long_text_or_text_with_line_breaks_is_answered_without_an_address(client, text):
    response = client.post("/", data={"q": text})
    assert response.status_code == 200
    assert "errors#chat-not-found" in response.text


def test_too_long_text_is_told_so_and_stays_in_the_box(client):
    text = "слово " * 3000
    response = client.post("/", data={"q": text})
    assert response.status_code == 422
    assert "Текст длиннее 16 384 символов" in text_of(response)
    assert text.strip()[:1000] in response.text


def test_article_page_has_contents_anchors_and_parts(client):
    response = client.get("/articles/notifications")
    assert response.text.count('<section id="missing') == 4
    assert 'href="#missing-ios">iPhone: проверить фокусирование' in response.text
    assert '<h3>Android: разрешить работу в фоне <a class="anchor" href="#missing-android"' in response.text
    assert "Обновлено 21 ноября 2026" in text_of(response)
    assert 'href="/articles/sign-in#sessions"' in response.text  # related


def test_every_link_within_the_help_leads_somewhere(client, artifact):
    for head in artifact.articles:
        page = client.get(f"/articles/{head.article_id}").text
        for target in re.findall(r'href="(/articles/[^"]*)"', page):
            path, _, anchor = target.partition("#")
            linked = client.get(path)
            assert linked.status_code == 200, target
            assert not anchor or f'id="{anchor}"' in linked.text, target


def test_old_addresses_answer_301_and_old_anchors_stay_targets(client):
    response = client.get("/articles/my-page")
    assert response.status_code == 301
    assert response.headers["Location"] == "/articles/profile"
    assert '<span id="avatar"></span>' in client.get("/articles/profile").text


def test_unknown_page_is_a_page_with_the_search_box(client):
    response = client.get("/articles/nothing")
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "<textarea" in response.text
    assert client.get("/nothing").mimetype == "text/html"


def test_what_is_typed_is_never_taken_for_markup(client):
    response = client.get("/?q=<script>alert(1)</script> уведомления")
    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text
    assert "<script>alert" not in client.get("/articles/files").text


def test_pages_allow_nothing_from_elsewhere_and_no_inline_script(client):
    for address in ("/", "/?q=фото", "/articles/files", "/nothing"):
        response = client.get(address)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", response.text), address


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "1 раздел"),
        (2, "2 раздела"),
        (5, "5 разделов"),
        (11, "11 разделов"),
        (21, "21 раздел"),
        (112, "112 разделов"),
    ],
)
def test_nouns_agree_with_numbers(number, words):
    assert counted(number, "раздел", "раздела", "разделов").replace("\u00a0", " ") == words


def test_dates_are_russian():
    assert russian_date("2026-11-22").replace("\u00a0", " ") == "22 ноября 2026"
    assert russian_date("давно") == "давно"
