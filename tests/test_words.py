"""What a word is, and that no text at all breaks the cutting."""

import pytest
from helpers import DATA, language_cases
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.words import clean, words

# Lone surrogates included: they come in through JSON (`"\\ud800"`).
any_text = st.text(st.characters())


@pytest.mark.parametrize(("text", "expected"), language_cases(DATA / "words.tsv"))
def test_text_is_cut_into_these_words(text: str, expected: list[str]):
    assert [word.text for word in words(clean(text))] == expected


def test_offsets_point_at_the_word_in_the_text():
    text = "Нажмите Ctrl+R, затем — «ОК»"
    assert [text[word.start : word.stop] for word in words(text)] == ["Нажмите", "Ctrl+R", "затем", "ОК"]


def test_line_ends_of_every_kind_become_one():
    assert clean("а\r\nб\rв\nг") == "а\nб\nв\nг"


def test_tab_stays_and_other_control_characters_go():
    assert clean("а\tб\x00в\x1bг\x7f") == "а\tбвг"


@given(any_text)
def test_any_text_has_words_in_order_and_inside_it(text: str):
    found = list(words(text))
    borders = [border for word in found for border in (word.start, word.stop)]
    assert borders == sorted(borders)
    assert all(word.start < word.stop <= len(text) for word in found)
    assert all(word.text for word in found)


@given(any_text)
@example("и\u200b\u0306")
@example("a\u0301\u0301\u0327")
@example("г\ufeff\u0301")
@example("\r\u200b\n")
def test_cleaning_twice_changes_nothing_more(text: str):
    once = clean(text)
    assert clean(once) == once


@given(any_text)
def test_cleaned_text_can_be_written_as_utf_8(text: str):
    clean(text).encode("utf-8")


@given(any_text)
@example("İstanbul")
@example("ßẞ")
def test_words_are_in_their_search_form_already(text: str):
    for word in words(clean(text)):
        assert word.text == word.text.lower()


@given(
    st.text(st.characters(categories=["L", "N"]), min_size=1), st.sampled_from([" ", "\n", "\t", "\u00a0", ", ", " — "])
)
def test_what_divides_words_is_not_part_of_them(word: str, between: str):
    word = clean(word)
    assert [found.text for found in words(word + between + word)] == 2 * [found.text for found in words(word)]
