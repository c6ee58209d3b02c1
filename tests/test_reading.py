"""How what people type is read, against a table that a Russian speaker can correct, over the words of our own help."""

import re
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
from helpers import DATA
from hypothesis import example, given
from hypothesis import strategies as st

from indexer import knowledge
from indexer.articles import read_articles
from indexer.build import texts_of_words
from indexer.lemmas import Lemmatizer
from indexer.sections import split_article
from indexer.wordlist import word_list
from server.interpretation import AS_TYPED, Interpretation, Reader
from server.reading import codes, masks
from server.reading.codes import codes_of
from server.reading.masks import mask

CORPUS = Path(__file__).parents[1] / "corpus"
TABLE = DATA / "reading.tsv"


@cache
def reader() -> Reader:
    sections = [section for article in read_articles(CORPUS).articles for section in split_article(article)]
    errors = knowledge.read(CORPUS, "errors.toml", knowledge.KnownErrors)
    synonyms = knowledge.read(CORPUS, "synonyms.toml", knowledge.Synonyms)
    assert errors
    assert synonyms
    return Reader(errors, synonyms, word_list(texts_of_words(sections, errors)), Lemmatizer())


def read(query: str) -> Interpretation:
    return reader().read(query)


def cases(*kinds: str, excused: bool = True) -> list[object]:
    """The lines of the table of some kinds; one that begins with "fails " is known to be read otherwise."""
    found: list[object] = []
    for number, line in enumerate(TABLE.read_text(encoding="utf-8").splitlines(), start=1):
        if line and not line.startswith("#"):
            kind, typed, expected = line.split("\t")
            marks = [pytest.mark.xfail(strict=True)] if excused and kind.startswith("fails ") else []
            if kind.removeprefix("fails ") in kinds:
                found.append(pytest.param(kind, typed, expected, id=f"line {number}: {typed}", marks=marks))
    return found


@pytest.mark.parametrize(("kind", "typed", "expected"), cases("layout", "translit", "typo"))
def test_repair(kind, typed, expected):
    found = read(typed)
    assert found.read_as == expected
    assert {change.kind for change in found.changes if change.kind != "synonym"} == {kind.removeprefix("fails ")}
    assert all(0 < change.confidence <= 1 for change in found.changes)


@pytest.mark.parametrize(("kind", "typed", "expected"), cases("alone"))
def test_what_must_be_left_alone(kind, typed, expected):
    found = read(typed)
    assert not [change for change in found.changes if change.kind != "synonym"]
    if found.error is None:
        assert found.read_as == expected


@pytest.mark.parametrize(("kind", "typed", "expected"), cases("synonym"))
def test_slang_finds_the_words_of_the_help(kind, typed, expected):
    assert expected in read(typed).synonyms


@pytest.mark.parametrize(("kind", "typed", "expected"), cases("code"))
def test_codes(kind, typed, expected):
    assert codes_of(typed) == tuple(expected.split())


@pytest.mark.parametrize(("kind", "typed", "expected"), cases("mask"))
def test_masks(kind, typed, expected):
    assert mask(typed) == expected


# Texts that hold little of what codes and masks are made of, so that one piece less makes the difference.
PIECES = st.sampled_from(
    [
        *("a", "f", "z", "Я", "E", "C", "ſ", "K", "7", "8", "٣", "2026", "1.2.3.4", "0x", "deadbeef", "secretsecret"),
        *(" ", "\n", ".", "-", "—", "_", "/", "\\", ":", "=", "@", "+", "(", "http", "://", "ru", "eyJ", "Bearer "),
        *("токен", "пароль", "код ошибки ", "error", "errno", "ECONNRESET", "NullPointer", "Exception", "Not Found"),
    ]
)


@example("eyJSECRETSECRET.SECRET")
@example("deadbeef-dead-beef-dead-beefdeadbeef")
@example("bearer secretsecret")
@example("узел help.ru")
@example("код ошибки E")
@example("chat_not_found")
@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_cannot_hold_codes_or_anything_to_mask_is_told_at_a_glance(text):
    found = mask(text), codes_of(text)
    with mock.patch.object(masks, "_MAY_HOLD", re.compile("")), mock.patch.object(codes, "_MAY_HOLD", re.compile("")):
        assert (mask(text), codes_of(text)) == found


def test_the_table_is_long_enough_to_mean_something():
    assert len(cases("layout", "translit", "typo", "alone", "synonym", "code", "mask")) >= 150


@pytest.mark.parametrize(("kind", "typed", "expected"), cases("layout", "translit", "typo", "synonym", excused=False))
def test_as_typed_changes_nothing(kind, typed, expected):
    found = reader().read(typed, AS_TYPED)
    assert found.changes == ()
    assert found.read_as == typed


@given(st.text())
def test_reading_never_fails(query):
    found = read(query)
    assert "\n" not in found.read_as
    assert all(0 < change.confidence <= 1 for change in found.changes)


@given(
    st.lists(
        st.sampled_from(
            ["[", "ghb", "0x", "_", "http://", ".", "ё", "at ", "\n", "{", '"', "=", "12:30", "а", "x" * 40]
        )
    )
)
def test_reading_pieces_of_logs_and_keys_never_fails(pieces):
    read("".join(pieces))


def test_a_word_that_the_help_uses_all_over_needs_no_synonyms():
    synonyms = knowledge.Synonyms.model_validate({"two_way": [{"words": ["уведомление", "пуш"]}]})
    shares = {("уведомление",): 0.3, ("пуш",): 0.01}
    found = Reader(knowledge.KnownErrors(), synonyms, word_list([]), Lemmatizer(), lambda lemmas: shares[lemmas])
    assert found.read("пуши").synonyms == ("уведомление",)
    assert found.read("уведомления").synonyms == ()
