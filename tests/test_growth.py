"""Synthetic corpora are like what they grow from; both halves are measured over them, size by size."""

import json
import statistics
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from evaluation import growth, plots
from evaluation.__main__ import main
from evaluation.drawing import alone
from evaluation.growth import Seed
from evaluation.synthetic import neighbours_of, sections_like
from indexer.encoder import Vectors


def crowd(count: int, seed: int = 0) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, 32)) + 1.5
    unit: Vectors = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    return unit


SECTIONS = [
    {"heading": ["вход"], "body": ["как", "войти", "код", "код"]},
    {"heading": ["чат"], "body": ["как", "создать", "чат"]},
    {"heading": ["звонок"], "body": []},
]


def test_neighbours_are_unit_vectors_around_each_real_one_alike():
    real = crowd(50)
    made = neighbours_of(real, 500)
    assert made.dtype == np.float32
    assert np.linalg.norm(made, axis=1) == pytest.approx(np.ones(500), abs=1e-5)
    assert Counter(np.argmax(made @ real.T, axis=1).tolist()).most_common(1)[0][1] <= 20


def test_two_neighbours_of_one_vector_are_as_near_as_a_real_vector_and_its_nearest():
    real = crowd(50)
    cosines = real @ real.T
    np.fill_diagonal(cosines, -1)
    siblings = neighbours_of(real, 2000)[::50]
    between = (siblings @ siblings.T)[np.triu_indices(len(siblings), 1)]
    assert np.median(between) == pytest.approx(np.median(cosines.max(axis=1)), abs=0.02)


def test_smaller_corpus_is_the_beginning_of_a_larger_one_and_the_seed_decides():
    real = crowd(20)
    np.testing.assert_allclose(neighbours_of(real, 30), neighbours_of(real, 60)[:30], atol=1e-6)
    assert sections_like(SECTIONS, 30) == sections_like(SECTIONS, 60)[:30]
    assert sections_like(SECTIONS, 5) == sections_like(SECTIONS, 5)
    assert (neighbours_of(real, 30, seed=1) != neighbours_of(real, 30)).any()
    assert sections_like(SECTIONS, 50, seed=1) != sections_like(SECTIONS, 50)


def test_sections_have_the_lengths_of_real_ones_and_their_lemmas():
    made = sections_like(SECTIONS, 300)
    assert [{name: len(lemmas) for name, lemmas in each.items()} for each in made[:3]] == [
        {name: len(lemmas) for name, lemmas in each.items()} for each in SECTIONS
    ]
    drawn = Counter(lemma for each in made for lemma in each["body"])
    # «как» stands in two of three real sections and stays one lemma; «код» stands in one, and others like it come.
    assert drawn["как"] / drawn.total() == pytest.approx(2 / 7, abs=0.07)
    assert drawn["код"] > 0
    assert drawn["код~9"] > 0
    assert "код~10" not in drawn  # of a hundred copies the root


def test_vocabulary_grows_with_the_root_of_the_sections():
    small, large = (
        len({lemma for each in sections_like(SECTIONS, size) for own in each.values() for lemma in own})
        for size in (300, 30_000)
    )
    assert large / small == pytest.approx(10, rel=0.2)


@pytest.fixture
def seed() -> Seed:
    sections = tuple(SECTIONS)
    return Seed(crowd(60), crowd(20, seed=1), sections, (("как", "код"), ("чат",)), "queries of a test")


def test_both_halves_are_measured(monkeypatch: pytest.MonkeyPatch, seed: Seed, tmp_path: Path):
    monkeypatch.setattr("indexer.vectors.FLAT_UP_TO", 1000)
    flat = growth.measure_vectors(seed, 500, tmp_path, growth.in_this_process)
    assert (flat.kind, flat.recall, flat.recall_of_candidates) == ("flat", 1.0, 1.0)
    lists = growth.measure_vectors(seed, 3000, tmp_path, growth.in_this_process)
    assert lists.kind == "ivfpq"
    assert lists.recall >= 0.98
    assert 0 < lists.p50 <= lists.p95
    assert lists.file > 3000 * 32 * 4
    words = growth.measure_lexical(seed, 300, {"body": 1.0}, tmp_path, growth.in_this_process)
    made = sections_like(SECTIONS, 300)
    holding = [sum(lemma in each["body"] for each in made) for lemma in ("как", "код", "чат")]
    assert words.postings == statistics.median([holding[0] + holding[1], holding[2]])
    assert words.per_million > 0


def test_a_process_of_its_own_gives_what_the_function_gives():
    assert growth.in_own_process(dict, [("a", 1)]) == {"a": 1}


def test_command_prints_tables_and_writes_numbers_and_the_curve(
    monkeypatch: pytest.MonkeyPatch, built_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(growth, "in_own_process", growth.in_this_process)
    asked = ["growth", "--index", str(built_index), "--sizes", "400", "200", "--queries", "5", "--out", str(tmp_path)]
    assert main(asked) == 0
    assert "200 (flat)" in capsys.readouterr().out
    written = json.loads((tmp_path / "growth.json").read_text())
    assert list(written["sizes"]) == ["200", "400"]
    assert written["machine"]
    assert (tmp_path / "growth.svg").read_text().startswith('<svg xmlns="http://www.w3.org/2000/svg"')


@pytest.mark.parametrize("half", ["vectors", "lexical"])
def test_one_half_is_measured_alone(
    monkeypatch: pytest.MonkeyPatch, built_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], half: str
):
    other = {"vectors": "measure_lexical", "lexical": "measure_vectors"}[half]
    monkeypatch.setattr(growth, other, lambda *_: pytest.fail(f"{other} was not asked for"))
    monkeypatch.setattr(growth, "in_own_process", growth.in_this_process)
    asked = ["growth", "--index", str(built_index), "--sizes", "50", "--queries", "3", "--out", str(tmp_path)]
    assert main([*asked, "--half", half]) == 0
    printed = capsys.readouterr().out
    assert ("flat p50" in printed, "postings" in printed) == (half == "vectors", half == "lexical")
    assert list(json.loads((tmp_path / "growth.json").read_text())["sizes"]["50"]) == [half]
    assert (tmp_path / "growth.svg").exists()


def test_curve_says_its_numbers_and_stands_alone_in_colour():
    plot = plots.growth("key", {"words": [(100, 0.5), (1000, 5.0)]})
    assert plot.alt == "Median query. words: 0.50 ms at 100, 5.00 ms at 1,000."
    assert "--series-0:#0b5fd0" in alone(plot.svg)
