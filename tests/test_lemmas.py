"""What forms of a word have in common."""

import pytest
from helpers import DATA, language_cases, lemmatizer
from hypothesis import given
from hypothesis import strategies as st

from indexer.lemmas import versions


@pytest.mark.parametrize(("text", "expected"), language_cases(DATA / "lemmas.tsv"))
def test_text_has_these_lemmas(text: str, expected: list[str]):
    assert lemmatizer().lemmas(text) == expected


@pytest.mark.parametrize("word", ["в", "и", "не", "я", "ой"])
def test_function_word_is_known_as_one(word: str):
    assert lemmatizer().is_function_word(word)


@pytest.mark.parametrize("word", ["чат", "войти", "плохо", "wi-fi", "0x80070005", "в5"])
def test_word_that_says_something_is_no_function_word(word: str):
    assert not lemmatizer().is_function_word(word)


@given(st.text(st.characters()))
def test_any_text_has_lemmas_that_can_be_stored_a_line_each(text: str):
    for lemma in lemmatizer().lemmas(text):
        assert lemma
        assert "\n" not in lemma
        assert "ё" not in lemma
        lemma.encode("utf-8")


@given(st.text(st.sampled_from("абвеёийкЁЙ-' \u0301\u0306\u00ad"), max_size=12))
def test_case_does_not_divide_words(text: str):
    assert lemmatizer().lemmas(text.upper()) == lemmatizer().lemmas(text.lower())


def test_versions_name_the_analyser_and_its_dictionary():
    assert set(versions()) == {"pymorphy3", "pymorphy3-dicts-ru"}
    assert all(version[0].isdigit() for version in versions().values())
