"""Which sections are hard to tell from the right one, and which pairs are learnt side by side."""

from collections import Counter
from itertools import combinations
from random import Random

import pytest
from helpers import FRONT_MATTER, lemmatizer, write_corpus
from hypothesis import given
from hypothesis import strategies as st

from indexer.adaptation.batches import Group, groups_of, plan
from indexer.adaptation.negatives import NEAR_DUPLICATE, Neighbours, hard_negatives, neighbours_of
from indexer.adaptation.pairs import Pair, pairs_of
from indexer.articles import read_articles
from indexer.build import lexical_index
from indexer.knowledge import KnownErrors
from indexer.sections import Section, split_article

PASSWORD = """
## Сброс пароля {#reset}

Откройте вход и нажмите «Забыли пароль».

### Пользователю {#reset-user}

Придумайте новый пароль длиннее восьми знаков.

### Администратору {#reset-admin}

Сбросьте пароль сотрудника в панели.

## Срок пароля {#age}

Срок действия задаёт ваша организация.
"""
ARTICLES = {
    "password": FRONT_MATTER.replace("Проба", "Пароль") + PASSWORD,
    "copy": FRONT_MATTER.replace("Проба", "Доступ") + "\nСрок действия всегда задаёт ваша организация.\n",
    "printer": FRONT_MATTER.replace("Проба", "Печать") + "\nПароль принтера написан на его корпусе снизу.\n",
    "sound": FRONT_MATTER.replace("Проба", "Звук") + "\nПроверьте динамик.\n",
}


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> list[Section]:
    corpus = read_articles(write_corpus(tmp_path_factory.mktemp("corpus") / "corpus", ARTICLES))
    return [section for article in corpus.articles for section in split_article(article)]


@pytest.fixture(scope="module")
def neighbours(sections: list[Section]) -> Neighbours:
    return neighbours_of(sections, lemmatizer())


def mined(sections: list[Section], neighbours: Neighbours, anchor: str, section_id: str) -> tuple[str, ...]:
    lexical = lexical_index(sections, KnownErrors(), lemmatizer().lemmas)
    pair = Pair(anchor, section_id, "heading")
    (found,) = hard_negatives([pair], sections, lexical, lemmatizer(), neighbours)
    return found


@pytest.mark.parametrize(
    ("one", "other", "kin"),
    [
        ("sound#top", "sound#top", True),  # the same
        ("password#reset", "password#reset-user", True),  # a part of the question
        ("password#reset-admin", "password#reset-user", True),  # two parts of one question
        ("password#reset", "password#age", False),  # two questions of one article
        ("password#age", "copy#top", True),  # the same words but one: 6 of 7 lemmas
        ("printer#top", "sound#top", False),
    ],
)
def test_kin_are_the_same_section_parts_of_a_question_and_near_duplicates(
    neighbours: Neighbours, one: str, other: str, kin: bool
) -> None:
    assert neighbours.kin(one, other) is kin
    assert neighbours.kin(other, one) is kin


def test_near_duplicates_share_the_named_part_of_all_their_lemmas(sections: list[Section]) -> None:
    two = [section for section in sections if section.section_id in {"printer#top", "sound#top"}]

    def kin(first: str, second: str) -> bool:
        lemmas = {"printer#top": frozenset(first), "sound#top": frozenset(second)}
        return Neighbours(two, lemmas).kin("printer#top", "sound#top")

    assert pytest.approx(0.6) == NEAR_DUPLICATE
    assert kin("abcd", "abce")  # 3 of 5
    assert not kin("abcd", "abef")  # 2 of 6
    assert not kin("abcdefgh", "abcd")  # 4 of 8
    assert kin("", "")


def test_hard_negatives_share_words_with_the_anchor_and_are_not_kin(
    sections: list[Section], neighbours: Neighbours
) -> None:
    assert mined(sections, neighbours, "Как сбросить пароль пользователю", "password#reset-user") == (
        "password#age",  # stands under «Пароль» too
        "printer#top",
    )


def test_a_section_that_fits_the_anchor_as_well_is_no_negative(sections: list[Section], neighbours: Neighbours) -> None:
    # «корпус» stands in the printer's section alone, which may well be the answer.
    assert mined(sections, neighbours, "корпус принтера", "sound#top") == ()


def test_an_anchor_without_known_words_has_no_hard_negatives(sections: list[Section], neighbours: Neighbours) -> None:
    assert mined(sections, neighbours, "квантовая телепортация", "sound#top") == ()


def some_pairs(counts: list[int]) -> list[Pair]:
    return [Pair(f"{name}-{n}", f"s{name}", "heading") for name, count in enumerate(counts) for n in range(count)]


COUNTS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@given(COUNTS, st.integers(1, 5), st.integers(0, 99))
def test_groups_hold_every_pair_with_those_of_its_section(counts: list[int], size: int, seed: int) -> None:
    pairs = some_pairs(counts)
    groups = groups_of(pairs, size, Random(seed))
    assert {place for group in groups for place in group.places} == set(range(len(pairs)))
    assert all(len(group.places) == size for group in groups)
    assert all(pairs[place].section_id == group.section_id for group in groups for place in group.places)
    assert Counter(group.section_id for group in groups) == {
        f"s{name}": -(-count // size) for name, count in enumerate(counts)
    }


def test_a_pair_stands_once_in_a_group_where_there_are_enough() -> None:
    for seed in range(20):
        for group in groups_of(some_pairs([5]), 3, Random(seed)):
            assert len(set(group.places)) == 3


@given(COUNTS, st.integers(1, 4), st.integers(1, 3), st.integers(0, 99))
def test_batches_are_full_and_hold_no_kin(counts: list[int], size: int, epochs: int, seed: int) -> None:
    def kin(one: str, other: str) -> bool:
        return one == other or {one, other} == {"s0", "s1"}

    pairs = some_pairs(counts)
    batches = plan(pairs, size=size, anchors=2, epochs=epochs, random=Random(seed), kin=kin)
    assert all(len(batch) == size for batch in batches)
    for batch in batches:
        assert not any(kin(one.section_id, other.section_id) for one, other in combinations(batch, 2))
    learnt = Counter(place for batch in batches for group in batch for place in group.places)
    assert all(learnt[place] <= 2 * epochs for place in learnt)  # at most twice an epoch, where a group is filled up


def test_every_pair_is_learnt_in_every_epoch() -> None:
    pairs = some_pairs([4] * 10)
    batches = plan(pairs, size=5, anchors=2, epochs=3, random=Random(1), kin=lambda one, other: one == other)
    assert len(batches) == 3 * 20 / 5
    assert Counter(place for batch in batches for group in batch for place in group.places) == dict.fromkeys(
        range(40), 3
    )


def test_hard_negatives_come_into_the_batch_of_their_pair() -> None:
    pairs = some_pairs([1] * 40)
    hard = [(f"s{place ^ 1}",) for place in range(40)]  # 0 and 1, 2 and 3, …

    def together(share: float) -> int:
        batches = plan(
            pairs,
            size=4,
            anchors=1,
            epochs=1,
            random=Random(5),
            kin=lambda one, other: one == other,
            hard=hard,
            hard_share=share,
        )
        sets = [{group.section_id for group in batch} for batch in batches]
        return sum(f"s{place}" in batch and f"s{place + 1}" in batch for place in range(0, 40, 2) for batch in sets)

    assert together(1.0) == 20
    assert together(0.0) < 6


def test_too_few_sections_give_no_batch() -> None:
    assert plan(some_pairs([3]), size=2, anchors=1, epochs=2, random=Random(1), kin=lambda one, other: True) == []


def test_the_plan_depends_on_the_seed_alone() -> None:
    def planned(seed: int) -> list[list[Group]]:
        return plan(
            some_pairs([3] * 9), size=4, anchors=2, epochs=2, random=Random(seed), kin=lambda one, other: one == other
        )

    assert planned(1) == planned(1)
    assert planned(1) != planned(2)


def test_pairs_of_a_corpus_are_mined_in_their_order(sections: list[Section], neighbours: Neighbours) -> None:
    pairs = pairs_of(sections, KnownErrors())
    lexical = lexical_index(sections, KnownErrors(), lemmatizer().lemmas)
    found = hard_negatives(pairs, sections, lexical, lemmatizer(), neighbours)
    assert len(found) == len(pairs)
    for pair, hard in zip(pairs, found, strict=True):
        assert not any(neighbours.kin(pair.section_id, section_id) for section_id in hard)
    assert any(found)
