"""Windows of a long section: nothing lost, nothing longer than the encoder reads, cut where a reader would."""

from collections.abc import Sequence

import numpy as np
import pytest
from helpers import HashEncoder
from hypothesis import given
from hypothesis import strategies as st

from indexer.encoder import by_parts, windows
from indexer.sections import Section
from indexer.words import clean, words

HEADING = "Звонки › Плохо слышно"


class SmallEncoder(HashEncoder):
    """Reads so little that short texts have several windows."""

    maximum_tokens = 24


def texts_of(passages: Sequence[str], heading: str = HEADING) -> list[str]:
    """The windows without the heading that each begins with."""
    assert all(passage.startswith(f"{heading}\n") for passage in passages)
    return [passage.removeprefix(f"{heading}\n") for passage in passages]


def words_of(text: str) -> list[str]:
    return [word.text for word in words(text)]


def sentence(length: int) -> str:
    return " ".join(["Слово"] + (length - 1) * ["слово"]) + "."


@pytest.mark.parametrize("count", [0, 1, 256, 257, 1000])
def test_parts_of_many_texts_are_all_of_them_in_order_and_few_at_once(count: int):
    texts = [f"{n}" for n in range(count)]
    parts = list(by_parts(texts, list))
    assert [text for part in parts for text in part] == texts
    assert all(0 < len(part) <= 256 for part in parts)


def test_what_goes_wrong_with_a_part_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(by_parts(["текст"] * 1000, lambda few: 1 // 0))


def test_text_that_fits_is_one_window():
    # 3 words of the heading, 19 of the text, 2 marks.
    assert windows(sentence(19), HEADING, SmallEncoder()) == [f"{HEADING}\n{sentence(19)}"]


def test_one_word_more_makes_two_windows():
    assert len(windows(sentence(20), HEADING, SmallEncoder())) == 2


def test_section_without_text_is_its_heading():
    assert windows("", HEADING, SmallEncoder()) == [HEADING]


def test_section_without_text_has_a_window_however_long_its_heading_is():
    # Without one, its row and those of the sections after it would be missing from the vectors.
    (window,) = windows("", "слово " * 100, SmallEncoder())
    assert window.startswith("слово слово")


def test_lines_stay_whole_where_each_fits():
    lines = [f"{number}. {sentence(6)}" for number in range(1, 8)]
    found = texts_of(windows("\n".join(lines), HEADING, SmallEncoder()))
    assert [line for window in found for line in window.split("\n")] == lines
    assert len(found) > 1


def test_windows_are_filled_to_the_last_token_before_the_next_begins():
    # Room: 24 less 3 words and 2 marks of the heading, 19. The lines count 7, 6 and 6, marks included.
    lines = 3 * [sentence(5), sentence(4), sentence(4)]
    found = texts_of(windows("\n".join(lines), HEADING, SmallEncoder()))
    assert [window.count("\n") + 1 for window in found] == [3, 3, 3]


def test_line_that_is_too_long_is_cut_at_ends_of_sentences():
    sentences = [sentence(length) for length in (9, 8, 10, 7)]
    found = texts_of(windows(" ".join(sentences), HEADING, SmallEncoder()))
    assert "\n".join(found).split("\n") == sentences


def test_line_that_just_fits_is_not_cut_into_its_sentences():
    line = f"{sentence(9)} {sentence(8)}"
    assert texts_of(windows(f"{line}\n{sentence(5)}", HEADING, SmallEncoder())) == [line, sentence(5)]


def test_two_sentences_are_cut_between_them_and_not_in_the_middle():
    found = texts_of(windows(f"{sentence(16)} {sentence(4)}", HEADING, SmallEncoder()))
    assert found == [sentence(16), sentence(4)]


def test_abbreviation_ends_no_sentence():
    text = f"{sentence(8)} Напишите на эл. почту до 18 ч. вечера. {sentence(8)}"
    found = texts_of(windows(text, HEADING, SmallEncoder()))
    assert "Напишите на эл. почту до 18 ч. вечера." in "\n".join(found).split("\n")


def test_sentence_that_is_too_long_is_cut_between_words():
    text = " ".join(f"слово{number:02}" for number in range(48))
    found = texts_of(windows(text, HEADING, SmallEncoder()))
    assert " ".join(found).split() == text.split()
    # In halves until they fit, so that no window is left with a word or two.
    assert [len(window.split()) for window in found] == [12, 12, 12, 12]


def test_line_without_spaces_is_cut_anywhere():
    text = "/".join(f"{number:02}" for number in range(60))
    found = texts_of(windows(text, HEADING, SmallEncoder()))
    assert "".join("".join(found).split("\n")) == text


def test_long_heading_leaves_half_of_the_room_to_the_text():
    found = windows(sentence(40), " ".join(f"слово{number}" for number in range(60)), SmallEncoder())
    assert all(window.startswith("слово0 слово1 ") for window in found)
    assert sum(window.count("лово") for window in found) > 40
    assert max(SmallEncoder().count_tokens(found)) <= 24
    assert words_of("\n".join(window.partition("\n")[2] for window in found)) == words_of(sentence(40))


def test_heading_of_half_the_room_stays_whole():
    heading = " ".join(f"слово{number:02}" for number in range(10))  # and two marks: 12 of 24
    assert texts_of(windows(sentence(20), heading, SmallEncoder()), heading)
    longer = f"{heading} ещё"
    assert not any(window.startswith(longer) for window in windows(sentence(20), longer, SmallEncoder()))


def test_long_section_of_the_test_corpus_has_several_windows(sections_by_id: dict[str, Section]):
    section = sections_by_id["calls#bad-sound"]
    found = texts_of(windows(section.text, HEADING, HashEncoder()))
    assert len(found) > 1
    assert all(window[-1] == "." for window in found)
    assert words_of("\n".join(found)) == words_of(section.text)


any_text = st.text(st.characters(exclude_categories=["Cs"]))
# Where lines, sentences and words end is where the cutting can go wrong.
_pieces = ["слово", "Слово", "эл", "ч", "18", "5.7.1", "Wi-Fi", "  ", *".?!…,»«— \n\t"]
text_of_pieces = st.lists(st.sampled_from(_pieces), max_size=150).map("".join)
spaced_text = st.lists(st.tuples(st.sampled_from(_pieces), st.sampled_from(" \n")), min_size=30).map(
    lambda pairs: "".join(piece + space for piece, space in pairs)
)


@given(st.one_of(any_text, text_of_pieces, any_text.map(lambda text: 20 * f"{text} ")))
def test_no_sign_of_any_text_is_lost(text: str):
    text = clean(text)
    found = texts_of(windows(text, HEADING, SmallEncoder())) if text else []
    assert "".join("".join(found).split()) == "".join(text.split())


@given(spaced_text)
def test_every_word_stands_whole_in_a_window_in_order(text: str):
    assert words_of("\n".join(texts_of(windows(text, HEADING, SmallEncoder())))) == words_of(text)


@given(st.one_of(any_text, text_of_pieces), st.one_of(st.just(HEADING), any_text))
def test_every_window_of_any_text_can_be_read_whole(text: str, heading: str):
    found = windows(clean(text), clean(heading), SmallEncoder())
    assert found
    assert max(SmallEncoder().count_tokens(found)) <= SmallEncoder.maximum_tokens


# The encoder of the tests must itself be one.


def test_hash_encoder_gives_unit_vectors_the_same_for_passage_and_query():
    vectors = HashEncoder().encode_passages(["Не приходят уведомления", "Звонок"])
    assert vectors.shape == (2, 64)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1])
    assert (HashEncoder().encode_query("Не приходят уведомления") == vectors[0]).all()


def test_hash_encoder_sees_another_case_as_the_same_word_and_another_word_as_another():
    query, same, other = HashEncoder().encode_passages(["уведомления чатов", "уведомление чата", "вход по коду"])
    assert query @ same == pytest.approx(1)
    assert query @ other < 0.5
