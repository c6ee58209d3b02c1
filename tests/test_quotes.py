"""What is quoted: by meaning, words and place, without encoding anything, and nothing where nothing fits."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from helpers import HashEncoder

from indexer.artifact import Artifact
from indexer.sections import Step
from indexer.sentences import Sentence, SentenceIndex
from server.answering import Answerer
from server.quotes import Quote, Quoter, marked_url
from server.search import Searcher
from server.steps import Visitor

SECTION, HEADING = "notifications#quiet", "Как отключить звук ночью"
QUERY = "как отключить звук ночью в отпуске"

Quoting = Callable[..., Quote | None]


@pytest.fixture
def quoting(artifact: Artifact, encoder: HashEncoder) -> Quoting:
    """Quotes from a section with these sentences, given with their cosines to the query."""

    def quote(
        *said: tuple[str, float],
        lead: str = "",
        visitor: Visitor = Visitor(),  # noqa: B008
        result: dict[str, object] | None = None,
        **section: object,
    ) -> Quote | None:
        vector = encoder.encode_query(QUERY)
        index = SentenceIndex(
            tuple(Sentence(SECTION, HEADING, lead, text) for text, _ in said),
            np.array([cosine * vector for _, cosine in said], dtype=np.float32),
        )
        sections = tuple(
            dataclasses.replace(each, **section) if each.section_id == SECTION else each for each in artifact.sections
        )
        searcher = Searcher(dataclasses.replace(artifact, sections=sections, sentences=index), encoder)
        found = searcher.search(QUERY)
        assert found.hits[0].section_id == SECTION
        return Quoter(searcher).quote(dataclasses.replace(found, **(result or {})), visitor)

    return quote


def text_of(quote: Quote | None) -> str | None:
    return quote.text if quote else None


def test_the_nearest_in_meaning_is_quoted_with_its_place(quoting):
    assert quoting(("Тихо.", 0.8), ("Громко.", 0.9)) == Quote("Громко.", SECTION, f"/articles/{SECTION}")


def test_of_nearly_equal_ones_the_opening_is_quoted(quoting):
    assert text_of(quoting(("Тихо.", 0.88), ("Громко.", 0.9))) == "Тихо."


def test_words_of_the_query_count(quoting):
    assert text_of(quoting(("Тихо.", 0.85), ("Громко.", 0.85), ("В отпуске.", 0.87))) == "В отпуске."


def test_words_of_the_heading_are_shared_by_all_of_the_section(quoting):
    # «Какой максимальный размер файла» quoted what repeated «файл» and «размер» rather than what answers.
    assert text_of(quoting(("Тихо.", 0.85), ("Звук ночью отключить.", 0.86))) == "Тихо."


def test_words_that_introduce_a_list_count_for_its_items(quoting):
    alone = ("Тихо.", 0.85), ("В отпуске.", 0.87)
    assert text_of(quoting(*alone)) == "В отпуске."
    assert text_of(quoting(*alone, lead="В отпуске:")) == "Тихо."


@pytest.mark.parametrize(
    ("cosine", "relevance", "steps", "expected"),
    [
        (0.85, 0.9, (), "Тихо."),
        (0.77, 0.9, (), None),
        (0.785, 0.9, (), "Тихо."),
        (0.785, 0.9, (Step("Включите «Тихие часы»."),), None),
        (0.85, 0.75, (), None),
    ],
)
def test_where_replies_are_calibrated_what_fits_badly_is_not_quoted(quoting, cosine, relevance, steps, expected):
    calibrated = {"calibrated": True, "relevance": relevance}
    assert text_of(quoting(("Тихо.", cosine), result=calibrated, steps=steps)) == expected
    assert text_of(quoting(("Тихо.", cosine), result=calibrated | {"calibrated": False}, steps=steps)) == "Тихо."


def test_what_is_for_others_is_not_quoted_unless_the_platform_is_a_guess(quoting):
    said = ("Тихо.", 0.9)
    assert quoting(said, platforms=("ios",), visitor=Visitor("android")) is None
    assert quoting(said, platforms=("ios",), visitor=Visitor("android", is_sure=False))
    assert quoting(said, audiences=("admin",), visitor=Visitor(None, "user")) is None


def test_nothing_is_quoted_where_meaning_was_not_searched(quoting):
    assert quoting(("Тихо.", 0.9), result={"candidates": None}) is None


def test_a_quote_takes_no_encoding_beyond_that_of_the_search(artifact):
    class Counting(HashEncoder):
        calls = 0

        def _encode(self, text):
            self.calls += 1
            return super()._encode(text)

    encoder = Counting()
    searcher = Searcher(artifact, encoder)
    searcher.search(HEADING)
    of_search, encoder.calls = encoder.calls, 0
    assert Answerer(searcher).answer(HEADING).quote
    assert encoder.calls == of_search


@pytest.mark.parametrize(
    ("query", "beginning"),
    [
        ("что значит статус Ждём выпуск", "«Ждём выпуск»\N{NO-BREAK SPACE}— задача сделана или ошибка исправлена"),
        ("что такое HUID", "HUID\N{NO-BREAK SPACE}— постоянный идентификатор"),
        ("какой максимальный размер файла", "Единой цифры для всех назвать нельзя"),
        ("может ли VPN мешать отправке сообщений", "Обычные причины:\n• "),
    ],
)
def test_our_own_help_answers_questions_with_the_right_sentence(real_searcher, query, beginning):
    quote = Answerer(real_searcher).answer(query).quote
    assert quote
    assert quote.text.startswith(beginning)
    assert quote.text in real_searcher.sections[quote.section_id].text


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        (
            "Громко, в-третьих.",
            "%D0%93%D1%80%D0%BE%D0%BC%D0%BA%D0%BE%2C%20%D0%B2%2D%D1%82%D1%80%D0%B5%D1%82%D1%8C%D0%B8%D1%85.",
        ),
        (" ".join("abcdefghijklmnop"), "a%20b%20c%20d%20e%20f,k%20l%20m%20n%20o%20p"),
        ("one two\nthree four", "one%20two,three%20four"),
    ],
)
def test_the_link_to_the_source_marks_the_quoted_words_there(text, fragment):
    assert marked_url(Quote(text, SECTION, "/articles/a#b")) == f"/articles/a#b:~:text={fragment}"
