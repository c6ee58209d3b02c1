"""Grouping by meaning: one text however typed, clusters of near vectors, their medoids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering

from evaluation import grouping
from evaluation.gaps import Asking
from evaluation.grouping import EXAMPLES, THRESHOLD, Case, Concerned, cases_of, grouped


def at(*degrees):
    """Unit vectors in a plane; 27 degrees apart are 0.109 apart, 28 are 0.117."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def case(text, times=1, relevance=0.5, sections=()):
    return Case(text, times, relevance, dict(sections))


def texts_of(groups):
    return [{group.name, *group.examples} for group in groups]


def test_one_text_in_another_case_and_spacing_is_one_case_named_as_typed_most():
    askings = [
        Asking("  ПРОПУСК\tдля\u00adгостя", 1, 0.2, (("a#top", ""),)),
        Asking("Пропуск для\nгостя", 3, 0.6, (("a#top", ""), ("b#top", "outdated"))),
        Asking("звук", 2, 0.1, ()),
    ]
    found = cases_of([*askings[:1], askings[2], askings[1]])
    assert [(each.text, each.times) for each in found] == [
        ("Пропуск для\nгостя", 3),
        ("звук", 2),
        ("  ПРОПУСК\tдля\u00adгостя", 1),  # an invisible hyphen is no space
    ]
    (found,) = cases_of([Asking("  ПРОПУСК\tдля \u200bгостя", 1, 0.2, askings[0].sections), askings[1]])
    assert (found.text, found.times, found.relevance) == ("Пропуск для\nгостя", 4, pytest.approx(0.5))
    assert found.sections == {("a#top", ""): 4, ("b#top", "outdated"): 3}


def test_text_without_letters_or_digits_is_no_case():
    assert cases_of([Asking(text, 5, 0.0, ()) for text in ("", " \n", "???", "\u200b", "…!")]) == []


def test_cases_asked_equally_often_come_by_text():
    assert [each.text for each in cases_of(Asking(text, 1, 0.0, ()) for text in ("в", "Б", "а"))] == ["а", "Б", "в"]


def test_near_texts_are_one_group_up_to_the_threshold():
    assert THRESHOLD == 0.11  # what the degrees below were worked out for
    assert texts_of(grouped([case("a"), case("b")], at(0, 27))) == [{"a", "b"}]
    assert texts_of(grouped([case("a"), case("b")], at(0, 28))) == [{"a"}, {"b"}]


def test_distance_of_groups_is_the_mean_over_pairs():
    # 0 and 10 become one; 34 is 0.086 from the one and 0.171 from the other, 0.128 in the mean.
    assert texts_of(grouped([case("a"), case("b"), case("c")], at(0, 10, 34))) == [{"a", "b"}, {"c"}]
    # 30: 0.060 and 0.134, in the mean 0.097; complete linkage would keep it apart.
    assert texts_of(grouped([case("a"), case("b"), case("c")], at(0, 10, 30))) == [{"a", "b", "c"}]


def test_group_is_named_by_the_text_that_its_askings_are_nearest_to():
    middle = grouped([case("left"), case("middle"), case("right")], at(0, 9, 20))
    assert middle[0].name == "middle"
    # Distances times askings: from left 1 × 0.012 + 9 × 0.060; from middle 0.012 + 9 × 0.018; from right 0.060 + 0.018.
    asked = grouped([case("right", 9), case("left"), case("middle")], at(20, 0, 9))
    assert asked[0].name == "right"
    assert asked[0].examples == ("left", "middle")


def test_group_counts_askings_and_texts_and_means_relevance_over_askings():
    cases = [case("a", 3, 0.8, {("x#top", ""): 3}), case("b", 1, 0.4, {("x#top", ""): 1, ("y#top", "outdated"): 5})]
    (group,) = grouped(cases, at(0, 1))
    assert (group.name, group.askings, group.texts, group.examples) == ("a", 4, 2, ("b",))
    assert group.relevance == pytest.approx(0.7)  # (3 × 0.8 + 1 × 0.4) / 4
    assert group.sections == (Concerned("y#top", "outdated", 5), Concerned("x#top", "", 4))


def test_sections_named_equally_often_come_by_id():
    sections = {("b#top", ""): 1, ("a#top", "solved"): 1, ("a#top", "outdated"): 1}
    (group,) = grouped([case("a", sections=sections)], at(0))
    assert [(each.section_id, each.why) for each in group.sections] == [
        ("a#top", "outdated"),
        ("a#top", "solved"),
        ("b#top", ""),
    ]


def test_at_most_five_examples_are_shown_asked_most_first():
    cases = [case(f"text {number}", 20 - number) for number in range(9)]
    (group,) = grouped(cases, at(*[0] * 9))
    assert (group.name, group.texts) == ("text 0", 9)
    assert group.examples == tuple(f"text {number}" for number in range(1, 1 + EXAMPLES))


def test_groups_come_by_askings_then_by_name():
    cases = [case("б", 2), case("д", 2), case("а", 2), case("в", 1), case("г", 1)]
    groups = grouped(cases, at(0, 60, 120, 180, 181))
    assert [(group.name, group.askings) for group in groups] == [("а", 2), ("б", 2), ("в", 2), ("д", 2)]


def test_texts_without_a_vector_stay_apart():
    assert len(grouped([case("a"), case("b"), case("c")], np.zeros((3, 4), dtype=np.float32))) == 3


def test_no_case_and_one_case_need_no_clustering():
    assert grouped([], np.zeros((0, 4), dtype=np.float32)) == []
    assert texts_of(grouped([case("a")], at(0))) == [{"a"}]


def test_texts_beyond_those_clustered_join_the_nearest_group_or_none(monkeypatch):
    monkeypatch.setattr(grouping, "CLUSTERED", 3)
    cases = [case(text) for text in "abcdefg"]
    # d is 24 and 14 degrees from a and b, in the mean 0.058; e is 0.128 from them in the mean and so joins none, nor f.
    groups = grouped(cases, at(0, 10, 90, 24, 34, 200, 88))
    assert sorted(texts_of(groups), key=min) == [{"a", "b", "d"}, {"c", "g"}, {"e"}, {"f"}]


@given(st.integers(2, 40), st.integers(0, 10**6))
def test_groups_are_those_of_another_implementation(size, seed):
    vectors = np.random.default_rng(seed).normal(size=(size, 4))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    other = AgglomerativeClustering(None, metric="cosine", linkage="average", distance_threshold=THRESHOLD)
    labels = other.fit_predict(vectors.astype(np.float64))
    groups = grouping._labels(vectors)
    expected = {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}
    found = {frozenset(row for row in range(size) if groups[row] == label) for label in set(groups)}
    assert found == expected
