"""How a query is read: its kind, its invisible characters, the error texts that the help knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.knowledge import KnownErrors, Synonyms
from indexer.lemmas import Lemmatizer
from indexer.wordlist import word_list
from server.interpretation import Reader

ERRORS = KnownErrors.model_validate(
    {
        "error": [
            {"text": "Пользователь не найден", "section": "errors#user-not-found", "distinctive": True},
            {"text": "chat_not_found", "section": "errors#chat-not-found", "distinctive": True},
            {"text": "Отказано в доступе", "section": "errors#no-access", "distinctive": False},
        ]
    }
)
reader = Reader(ERRORS, Synonyms(), word_list(["пользователь не найден", "очистить кэш"]), Lemmatizer())


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("не приходит смс", "keywords"),
        ("кэш", "keywords"),
        ("как очистить кэш", "question"),
        ("Можно ли войти без телефона", "question"),
        ("не приходит смс?", "question"),
        ("а где логи", "question"),
        ("какая-то ерунда", "keywords"),  # an indefinite pronoun asks nothing
        ("пользователь  НЕ найден", "error"),
        ("вижу «Пользователь не найден» при входе, что делать?", "error"),
        ("0x80070005", "error"),
        ("ERR_CONNECTION_TIMED_OUT в хроме", "error"),
        ("java.lang.NullPointerException", "error"),
        ("пользователь был не найден", "keywords"),  # other words between: no quotation
        ("????", "question"),
    ],
)
def test_kind_of_a_query(query, kind):
    assert reader.read(query).kind == kind


def test_invisible_characters_and_white_space_are_left_out_of_what_is_read():
    assert reader.read("  \u202eкэш\u200b\n\n  очистить\0 ").read_as == "кэш очистить"


def test_a_distinctive_error_text_names_its_section_within_other_words():
    assert reader.read("пишет: пользователь не найден (вчера работало)").explained_in == ("errors#user-not-found",)


def test_a_vague_error_text_names_its_section_only_alone():
    assert reader.read("Отказано в доступе!").explained_in == ("errors#no-access",)
    assert reader.read("отказано в доступе к чату").explained_in == ()


def test_part_of_a_longer_code_is_not_that_code():
    assert reader.read("super_chat_not_found").explained_in == ()


def test_untouched_words_stay_as_typed_and_the_rest_is_repaired():
    assert reader.read("пользовтель, очистть кэш").read_as == "пользователь, очистить кэш"
    kept = reader.read("пользовтель, очистть кэш", untouched=["очистть"])
    assert kept.read_as == "пользователь, очистть кэш"
    assert [change.from_ for change in kept.changes] == ["пользовтель"]


def test_synonym_can_be_left_out_by_its_word():
    synonyms = Synonyms.model_validate(
        {"two_way": [{"words": ["пуш", "уведомление"]}, {"words": ["кэш", "временное"]}]}
    )
    slangy = Reader(ERRORS, synonyms, word_list(["очистить кэш"]), Lemmatizer())
    assert [each.typed for each in slangy.read("пуш и кэш").expansions] == ["пуш", "кэш"]
    read = slangy.read("пуш и кэш", untouched=["пуш"])
    assert [each.typed for each in read.expansions] == ["кэш"]
    assert [change.from_ for change in read.changes] == ["кэш"]


def test_platform_and_audience_can_be_left_unread():
    query = "у сотрудника не работает на iphone"
    read = reader.read(query)
    assert read.platform == "ios"
    assert read.audience == "admin"
    read = reader.read(query, without=["platform", "audience"])
    assert (read.platform, read.audience) == (None, None)


@given(st.text(), st.lists(st.text(), max_size=3))
def test_reading_never_fails_with_untouched_words(query, untouched):
    assert "\n" not in reader.read(query, untouched=untouched).read_as


@given(st.text())
def test_reading_never_fails(query):
    read = reader.read(query)
    assert "\n" not in read.read_as
