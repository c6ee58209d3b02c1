"""Texts are cut to a number of tokens between steps and sentences, never within one."""

import pytest
from helpers import FRONT_MATTER, build_index, write_corpus

from indexer import artifact as artifacts
from server.fitting import counter, fit, pieces

BODY = """
Сначала проверьте связь. Потом, если её нет, сделайте вот что:

1. Откройте настройки.
   Подождите их.
   - Найдите «Сеть».
   - Включите её.
2. Перезапустите приложение. Оно откроется само.

Не помогло? Напишите нам.

- первое
- второе
"""


@pytest.fixture(scope="module")
def section(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitting")
    build_index(write_corpus(folder / "corpus", {"net": FRONT_MATTER + BODY}), folder / "index")
    (found,) = artifacts.load(folder / "index").sections
    return found


def words_of(text):
    return len(text.split())


def test_pieces_are_steps_with_substeps_and_sentences(section):
    assert pieces(section) == [
        "Сначала проверьте связь.",
        " Потом, если её нет, сделайте вот что:",
        "\n1. Откройте настройки. Подождите их.\n• Найдите «Сеть».\n• Включите её.",
        "\n2. Перезапустите приложение. Оно откроется само.",
        "\nНе помогло?",
        " Напишите нам.",
        "\n• первое",
        "\n• второе",
    ]


def test_pieces_joined_are_the_text_of_every_section(artifact):
    for section in artifact.sections:
        assert "".join(pieces(section)) == section.text


@pytest.mark.model
def test_pieces_joined_are_the_text_of_every_section_of_our_help(real_searcher):
    for section in real_searcher.artifact.sections:
        assert "".join(pieces(section)) == section.text
        assert len([piece for piece in pieces(section) if piece.strip()]) >= len(section.steps)


def test_line_that_announces_steps_is_not_the_last(section):
    fitted = fit(pieces(section), 12, words_of)
    assert (fitted.text, fitted.stop, fitted.tokens) == ("Сначала проверьте связь.", 1, 3)


def test_step_is_whole_or_not_there(section):
    assert fit(pieces(section), 20, words_of).text == "Сначала проверьте связь."
    assert fit(pieces(section), 21, words_of).text.endswith("• Включите её.")


def test_text_goes_on_where_it_ended(section):
    text, read, start = pieces(section), [], 0
    while start < len(text):
        fitted = fit(text, 13, words_of, start)
        assert fitted.stop > start
        assert words_of(fitted.text) <= 13
        read.append(fitted.text)
        start = fitted.stop
    assert len(read) > 2
    assert " ".join(" ".join(read).split()) == " ".join(section.text.split())


def test_nothing_fits_into_no_room(section):
    assert fit(pieces(section), 0, words_of).stop == 0
    assert fit([], 10, words_of).text == ""


@pytest.mark.model
def test_tokens_are_those_of_the_model(real_searcher):
    count = counter(real_searcher)
    assert count("") == 0
    for section in real_searcher.artifact.sections:
        assert count(section.text) <= len(section.text) / 2
    assert count("слово " * 2000) > 1500  # not cut to what the model reads
