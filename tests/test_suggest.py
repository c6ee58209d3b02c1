"""Suggestions: what is typed so far, in whatever way, leads to errors, questions and titles of sections."""

import dataclasses
import statistics
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.app import create_app
from server.caching import Replies
from server.suggest import MOST


@pytest.fixture(scope="module")
def app(built_index, encoder):
    return create_app(built_index, encoder)


@pytest.fixture(scope="module")
def suggester(app):
    return app.extensions["live"].now().suggester


def texts(suggester, typed):
    return [suggestion.text for suggestion in suggester.suggest(typed)]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("уведомл", "Не приходят уведомления"),  # the beginning of a word
        ("УВЕДОМЛЕНИЙ", "Не приходят уведомления"),  # another form of it
        ("не приходят увед", "Не приходят уведомления"),  # the last word unfinished
        ("приходит уведомление", "Не приходят уведомления"),  # every word in another form
        ("yt ghb", "Не приходят уведомления"),  # the other keyboard layout, unfinished
        ("edtljvktybz", "Не приходят уведомления"),  # and whole
        ("увдомления", "Не приходят уведомления"),  # a letter left out
        ("уведолм", "Не приходят уведомления"),  # two swapped in an unfinished word
        ("edljvktybz", "Не приходят уведомления"),  # a slip in the other layout
        ("uvedom", "Не приходят уведомления"),  # Russian in Latin letters
        ("айфон", "iPhone: проверить фокусирование"),  # a synonym
        ("аватар", "Профиль и фото"),  # a synonym of two words
        ("chat_no", "chat_not_found"),  # a code
        ("chat not found", "chat_not_found"),  # its parts
        ("0X8007", "0x80070005"),  # a code in other letters
        ("все еще", "Все ещё видят старые сообщения"),  # ё
        ("войти по номер", "Как войти по номеру телефона"),
        ("  как\u00a0войти\tпо номеру  ", "Как войти по номеру телефона"),  # white space
        ("не беспокоить", "iPhone: проверить фокусирование"),  # only among the editor's keywords
        ("сменить пожалуйста фото профиля", "Как сменить фото"),  # a word that no title has
    ],
)
def test_what_is_typed_finds_what_is_meant(suggester, typed, found):
    assert found in texts(suggester, typed)


@pytest.mark.parametrize("typed", ["", "   ", "\u200b", "????", "борщ", "рецепт борща", "🔥", "\x00"])
def test_nothing_is_suggested_for_nothing_and_for_what_the_help_lacks(suggester, typed):
    assert suggester.suggest(typed) == ()


def test_all_words_have_to_fit(suggester):
    assert "Как сменить имя" in texts(suggester, "сменить")
    assert "Как сменить имя" not in texts(suggester, "сменить фот")


def test_one_letter_finds_only_titles_that_begin_with_it(suggester):
    assert texts(suggester, "з")
    assert all(text.lower().startswith("з") for text in texts(suggester, "з"))


def test_titles_that_begin_with_what_was_typed_come_first(suggester):
    assert texts(suggester, "уведомления")[0] == "Уведомления"
    assert texts(suggester, "как сменить и")[0] == "Как сменить имя"


def test_kinds_stand_together_errors_first_and_each_entry_once(suggester):
    found = suggester.suggest("пользователь не н")
    assert [(suggestion.kind, suggestion.text) for suggestion in found] == [
        ("error", "Пользователь не найден"),
        ("question", "Ошибка «Пользователь не найден»"),
    ]
    kinds = [suggestion.kind for suggestion in suggester.suggest("как")]
    assert kinds == sorted(kinds, key=["error", "question", "section"].index)
    assert len(kinds) == MOST


def test_errors_and_questions_lead_to_a_search_and_titles_to_their_place(app, suggester):
    client = app.test_client()
    for typed in ("как", "п", "о", "chat", "уведомления"):
        for suggestion in suggester.suggest(typed):
            address = urlsplit(suggestion.url)
            if suggestion.kind == "section":
                page = client.get(suggestion.url)
                assert page.status_code == 200
                assert not address.fragment or f'id="{address.fragment}"' in page.text
            else:
                assert parse_qs(address.query) == {"q": [suggestion.text]}


def test_parts_for_administrators_come_after_the_others(suggester):
    assert texts(suggester, "проверить")[-1] == "Администратору: проверить отправку"


@given(typed=st.text(max_size=60))
def test_any_text_is_answered(suggester, typed):
    assert len(suggester.suggest(typed)) <= MOST


def test_route_gives_suggestions_and_refuses_long_text(app):
    client = app.test_client()
    assert client.get("/v1/suggest?q=chat_").json["suggestions"][0] == {
        "text": "chat_not_found",
        "kind": "error",
        "url": "/?q=chat_not_found",
    }
    assert client.get("/v1/suggest").json == {"suggestions": []}
    assert client.get("/v1/suggest?q=" + "а" * 300).json == {"suggestions": []}
    response = client.get("/v1/suggest?q=" + "а" * 301)
    assert response.status_code == 422
    assert response.json["error"] | {"message": ""} == {"code": "query_too_long", "message": "", "field": "q"}


def test_no_query_is_encoded(app, monkeypatch):
    def refuse(query):
        raise AssertionError("a vector was asked for")

    monkeypatch.setattr(app.extensions["live"].now().searcher.encoder, "encode_query", refuse)
    assert app.test_client().get("/v1/suggest?q=не приходят увдомления").json["suggestions"]


class Nothing(Replies):
    def keep(self, key, reply):
        pass


@pytest.mark.model
def test_suggestions_take_at_most_a_third_of_a_search(real_app, monkeypatch):
    client = real_app.test_client()
    live = real_app.extensions["live"]
    monkeypatch.setattr(
        live, "_now", dataclasses.replace(live.now(), replies=Nothing())
    )  # a search that was answered before takes no time
    typed = ["не приходят увед", "yt ghb[jlbn rjl", "увдомления", "как очистить кеш", "пользователь не", "рецепт борща"]

    def median(path):
        taken = []
        for _ in range(4):
            for text in typed:
                start = time.process_time()
                assert client.get(path, query_string={"q": text}).status_code == 200
                taken.append(time.process_time() - start)
        return statistics.median(taken)

    assert 3 * median("/v1/suggest") < median("/v1/search")


@pytest.mark.model
def test_the_search_that_an_error_or_question_leads_to_answers_it(real_app, real_searcher):
    errors = {error.text: error.section for error in real_searcher.artifact.errors.error}
    for typed in ("пользователь не", "err", "не приходит смс", "приложение не уст", "как очистить кэш", "file_"):
        for suggestion in real_app.extensions["live"].now().suggester.suggest(typed):
            if suggestion.kind != "section":
                first = real_searcher.search(suggestion.text).hits[0]
                assert first.section_id == errors.get(suggestion.text) or first.headings[-1] == suggestion.text
