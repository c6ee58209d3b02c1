"""The pairs that articles give by themselves, and the passages that answer them."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from helpers import CORPUS, FRONT_MATTER, write_corpus
from hypothesis import given
from hypothesis import strategies as st

from indexer import knowledge
from indexer.adaptation.pairs import Pair, digest, limited, pairs_of, passage, shuffled
from indexer.articles import read_articles
from indexer.build import heading_path
from indexer.knowledge import KnownError, KnownErrors
from indexer.sections import Section, split_article

NO_ERRORS = KnownErrors()

ARTICLE = (
    FRONT_MATTER.replace("title: Проба", "title: Вход\nkeywords: [логин]")
    + """
Здесь описан вход.

## Нет кода {#no-code}
{keywords="смс не пришла"}

Код иногда идёт долго. Подождите две минуты до повтора.

1. Откройте экран входа заново.
2. Нажмите ОК.

## Решение {#fix}

Перезапустите приложение на своём телефоне. Потом войдите ещё раз.
"""
)
OTHER = FRONT_MATTER.replace("title: Проба", "title: Звонки") + "\n## Решение {#fix}\n\nПроверьте микрофон.\n"


@pytest.fixture
def sections(tmp_path: Path) -> list[Section]:
    corpus = read_articles(write_corpus(tmp_path / "corpus", {"sign-in": ARTICLE, "calls": OTHER}))
    return [section for article in corpus.articles for section in split_article(article)]


def anchors(pairs: tuple[Pair, ...], kind: str, section_id: str) -> list[str]:
    return [pair.anchor for pair in pairs if pair.kind == kind and pair.section_id == section_id]


def test_a_heading_asks_for_its_section_with_the_headings_and_without(sections: list[Section]) -> None:
    pairs = [pair for pair in pairs_of(sections, NO_ERRORS) if pair.section_id == "sign-in#no-code"]
    headings = [pair for pair in pairs if pair.kind == "heading"]
    assert [pair.anchor for pair in headings] == ["Нет кода", "Нет кода"]
    section = next(each for each in sections if each.section_id == "sign-in#no-code")
    assert [passage(section, [pair]) for pair in headings] == [f"Вход › Нет кода\n{section.text}", section.text]


def test_the_title_asks_for_the_text_before_the_first_heading(sections: list[Section]) -> None:
    assert anchors(pairs_of(sections, NO_ERRORS), "title", "sign-in#top") == ["Вход", "Вход"]


def test_a_heading_that_several_sections_bear_is_asked_with_its_title(sections: list[Section]) -> None:
    pairs = pairs_of(sections, NO_ERRORS)
    assert set(anchors(pairs, "heading", "sign-in#fix")) == {"Вход: Решение"}
    assert set(anchors(pairs, "heading", "calls#fix")) == {"Звонки: Решение"}


def test_a_sentence_asks_for_the_rest_of_its_section(sections: list[Section]) -> None:
    pairs = pairs_of(sections, NO_ERRORS)
    assert anchors(pairs, "sentence", "sign-in#no-code") == [
        "Код иногда идёт долго.",
        "Подождите две минуты до повтора.",
    ]
    section = next(each for each in sections if each.section_id == "sign-in#no-code")
    pair = next(pair for pair in pairs if pair.anchor == "Код иногда идёт долго.")
    assert passage(section, [pair]).split("\n") == [
        "Вход › Нет кода",
        "Подождите две минуты до повтора.",
        "1. Откройте экран входа заново.",
        "2. Нажмите ОК.",
    ]


def test_a_step_asks_for_its_section_and_short_ones_ask_for_nothing(sections: list[Section]) -> None:
    pairs = pairs_of(sections, NO_ERRORS)
    assert anchors(pairs, "step", "sign-in#no-code") == ["Откройте экран входа заново."]
    section = next(each for each in sections if each.section_id == "sign-in#no-code")
    step = next(pair for pair in pairs if pair.kind == "step")
    assert "1." not in passage(section, [step])  # no number is left without its step


def test_a_section_of_one_sentence_has_no_rest_to_ask_for(sections: list[Section]) -> None:
    assert anchors(pairs_of(sections, NO_ERRORS), "sentence", "calls#fix") == []


def test_a_known_error_asks_for_the_section_that_explains_it(sections: list[Section]) -> None:
    errors = KnownErrors(error=(KnownError(text="Код неверен", section="sign-in#no-code", distinctive=True),))
    assert anchors(pairs_of(sections, errors), "error", "sign-in#no-code") == ["Код неверен"]


def test_a_keyword_asks_for_its_section_and_an_articles_keyword_for_its_first(sections: list[Section]) -> None:
    pairs = pairs_of(sections, NO_ERRORS)
    assert anchors(pairs, "keyword", "sign-in#no-code") == ["смс не пришла"]
    assert anchors(pairs, "keyword", "sign-in#top") == ["логин"]
    assert anchors(pairs, "keyword", "sign-in#fix") == []


def test_a_keyword_of_two_articles_asks_for_nothing(tmp_path: Path) -> None:
    articles = {name: FRONT_MATTER.replace("updated", "keywords: [код]\nupdated") + "\nТекст.\n" for name in "ab"}
    corpus = read_articles(write_corpus(tmp_path / "corpus", articles))
    sections = [section for article in corpus.articles for section in split_article(article)]
    assert [section.keywords for section in sections] == [("код",), ("код",)]
    assert [pair for pair in pairs_of(sections, NO_ERRORS) if pair.kind == "keyword"] == []


def test_half_of_a_text_stays_whatever_is_left_out(sections: list[Section]) -> None:
    section = next(each for each in sections if each.section_id == "sign-in#fix")
    pairs = [pair for pair in pairs_of(sections, NO_ERRORS) if pair.section_id == "sign-in#fix" and pair.part]
    assert len(pairs) == 2
    left = passage(section, pairs)
    assert left == "Вход › Решение\nПерезапустите приложение на своём телефоне. Потом войдите ещё раз."[: len(left)]
    assert len(left) > len("Вход › Решение\n")


def test_every_section_of_a_corpus_has_pairs_and_every_part_stands_in_its_section() -> None:
    sections = [section for article in read_articles(CORPUS).articles for section in split_article(article)]
    errors = knowledge.read(CORPUS, "errors.toml", KnownErrors) or KnownErrors()
    pairs = pairs_of(sections, errors)
    texts = {section.section_id: section.text for section in sections}
    assert {pair.section_id for pair in pairs} == set(texts)
    assert all(pair.part in texts[pair.section_id] for pair in pairs)
    assert len(set(pairs)) == len(pairs)
    for section in sections:
        assert passage(section) == "\n".join(each for each in (heading_path(section), section.text) if each)


def test_a_limit_takes_from_every_section_and_headings_before_sentences(sections: list[Section]) -> None:
    pairs = pairs_of(sections, NO_ERRORS)
    some = limited(pairs, 2 * len(sections), Random(1))
    assert Counter(pair.section_id for pair in some) == dict.fromkeys({each.section_id for each in sections}, 2)
    assert not any(pair.part for pair in some)
    assert list(some) == [pair for pair in pairs if pair in some]  # in their order
    assert limited(pairs, len(pairs), Random(1)) == pairs


def test_a_limit_that_is_small_takes_several_pairs_of_fewer_sections() -> None:
    pairs = [Pair(f"{number}", f"s{number % 20}", "heading") for number in range(100)]
    some = limited(pairs, 12, Random(1), together=4)
    assert sorted(Counter(pair.section_id for pair in some).values()) == [4, 4, 4]
    others = limited(pairs, 12, Random(2), together=4)
    assert {pair.section_id for pair in some} != {pair.section_id for pair in others}


@given(st.lists(st.integers()), st.integers(0, 5))
def test_shuffling_keeps_the_items_and_repeats_itself(items: list[int], seed: int) -> None:
    assert sorted(shuffled(items, Random(seed))) == sorted(items)
    assert shuffled(items, Random(seed)) == shuffled(items, Random(seed))


def test_shuffling_changes_the_order() -> None:
    assert shuffled(range(20), Random(1)) != shuffled(range(20), Random(2))


def test_another_pair_has_another_digest() -> None:
    one = Pair("Нет кода", "sign-in#no-code", "heading")
    assert digest([one]) != digest([Pair("Нет кода", "sign-in#no-code", "heading", bare=True)])
    assert digest([one]) == digest([Pair("Нет кода", "sign-in#no-code", "heading")])
