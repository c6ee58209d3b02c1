"""The choice of the ranking's settings, on a small grid over the test corpus."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from helpers import HashEncoder, calibration_of, measured

from evaluation import runs, tune
from evaluation.judgments import JudgedSet, Query
from evaluation.systems import local_systems
from evaluation.tune import Trial
from indexer.artifact import Artifact
from server.ranking import Ranking, read_ranking
from server.search import Searcher

QUERIES = {
    "q1": ("код в уведомлении не приходит", {"sign-in#phone": 2, "notifications#missing": 1}),
    "q2": ("айфон молчит", {"notifications#missing-ios": 2}),
    "q3": ("где хранится файл", {"files#folder": 2, "about#top": 1}),
    "q4": ("звук ночью", {"notifications#quiet": 2, "calls#bad-sound": 1}),
    "q5": ("номер телефона администратору", {"sign-in#phone": 1, "errors#user-not-found": 1}),
}
JUDGED = JudgedSet(
    name="judged, tuning",
    queries=tuple(Query(query_id, text) for query_id, (text, _) in QUERIES.items()),
    qrels={query_id: judged for query_id, (_, judged) in QUERIES.items()},
)

HEADINGS = (0.25, 2.0)
KEYWORDS = (0.0, 1.0)
NORMALISATIONS = ("minmax", "reciprocal_rank")
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
LEADS = (1.0, 0.5)
ADMINS = (1.0, 0.7)

KEPT = Ranking({"path": 0.5, "heading": 0.5, "keywords": 0.5, "errors": 0.5, "body": 1.0}, "maximum", 0.3, 0.8, 0.9)


@pytest.fixture
def small_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "_PATHS", (0.5,))
    monkeypatch.setattr(tune, "_HEADINGS", HEADINGS)
    monkeypatch.setattr(tune, "_KEYWORDS", KEYWORDS)
    monkeypatch.setattr(tune, "_ERRORS", (1.0,))
    monkeypatch.setattr(tune, "_NORMALISATIONS", NORMALISATIONS)
    monkeypatch.setattr(tune, "_WEIGHTS", WEIGHTS)
    monkeypatch.setattr(tune, "_LEADS", LEADS)
    monkeypatch.setattr(tune, "_ADMINS", ADMINS)
    monkeypatch.setattr(tune, "_SYNONYMS", (1.0,))
    monkeypatch.setattr(tune, "_ASKED_BY_ADMINS", (1.0,))
    monkeypatch.setattr(tune, "_OTHER_PLATFORMS", (1.0,))


@pytest.fixture
def searcher(artifact: Artifact, encoder: HashEncoder) -> Searcher:
    return Searcher(artifact, encoder, KEPT)


@pytest.fixture
def moves() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def trials(small_grid: None, searcher: Searcher, moves: list[tuple[int, int]]) -> list[Trial]:
    return tune.trials(searcher, JUDGED, progress(moves))


def progress(moves: list[tuple[int, int]]) -> Callable[[int, int], None]:
    return lambda done, total: moves.append((done, total))


def key(ranking: Ranking) -> tuple[tuple[float, ...], str, float]:
    return tuple(ranking.fields.values()), ranking.normalisation, ranking.semantic_weight


def test_every_setting_of_the_grid_is_tried_once(trials: list[Trial]):
    fields = [(0.5, heading, keywords, 1.0, 1.0) for heading, keywords in product(HEADINGS, KEYWORDS)]
    expected = {(field, name, weight) for field, name, weight in product(fields, NORMALISATIONS, WEIGHTS)}
    assert sorted(key(trial.ranking) for trial in trials) == sorted(expected)
    assert list(trials[0].ranking.fields) == ["path", "heading", "keywords", "errors", "body"]


def test_factors_are_those_that_suit_the_best_setting_without_any(
    trials: list[Trial], searcher: Searcher, monkeypatch: pytest.MonkeyPatch
):
    found = {(trial.ranking.lead_factor, trial.ranking.admin_factor) for trial in trials}
    monkeypatch.setattr(tune, "_LEADS", (1.0,))
    monkeypatch.setattr(tune, "_ADMINS", (1.0,))
    monkeypatch.setattr(tune, "_SYNONYMS", (1.0,))
    monkeypatch.setattr(tune, "_ASKED_BY_ADMINS", (1.0,))
    monkeypatch.setattr(tune, "_OTHER_PLATFORMS", (1.0,))
    best = tune.trials(searcher, JUDGED, progress([]))[0].ranking
    *_, hybrid = local_systems(searcher, JUDGED)

    def ndcg(factors: tuple[float, float]) -> float:
        searcher.ranking = replace(best, lead_factor=factors[0], admin_factor=factors[1])
        return measured(runs.run(hybrid, JUDGED), JUDGED)["nDCG@10"]

    reached = {factors: ndcg(factors) for factors in product(LEADS, ADMINS)}
    assert found == {max(reached, key=reached.__getitem__)}
    # Else any would do.
    assert len(set(reached.values())) > 1


def test_the_power_of_the_odds_is_the_one_that_reaches_most_and_stays_without_a_calibration(
    trials: list[Trial], artifact: Artifact, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
):
    assert {trial.ranking.relevance_power for trial in trials} == {KEPT.relevance_power}
    monkeypatch.setattr(tune, "_POWERS", (0.0, 2.0))
    for weight in (-20.0, 20.0):  # of the words that a section has: against the judgments, and for them
        calibration = calibration_of(encoder, coverage=weight)
        weighing = Searcher(replace(artifact, calibration=calibration), encoder, KEPT)
        best = tune.trials(weighing, JUDGED, progress([]))[0].ranking
        *_, hybrid = local_systems(weighing, JUDGED)
        reached = {}
        for power in (0.0, 2.0):
            weighing.ranking = replace(best, relevance_power=power)
            reached[power] = measured(runs.run(hybrid, JUDGED), JUDGED)["nDCG@10"]
        assert reached[0.0] != reached[2.0]
        assert best.relevance_power == max(reached, key=reached.__getitem__)


def test_progress_moves_with_the_weights_of_the_fields_twice_and_the_questions_and_factors_between_and_odds_last(
    trials: list[Trial], moves: list[tuple[int, int]]
):
    assert moves == [(done, 11) for done in range(1, 12)]


def test_best_comes_first_by_the_smoothed_measure(trials: list[Trial]):
    smoothed = [trial.smoothed for trial in trials]
    assert smoothed == sorted(smoothed, reverse=True)
    assert smoothed[0] > smoothed[-1]


def test_equally_good_settings_stay_in_the_order_of_the_grid(
    small_grid: None, searcher: Searcher, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tune, "_ndcg", lambda *arguments, weighed=False: 0.5)
    found = tune.trials(searcher, JUDGED, progress([]))
    fields = [(0.5, heading, keywords, 1.0, 1.0) for heading, keywords in product(HEADINGS, KEYWORDS)]
    expected = [(field, *rest) for field, rest in product(fields, product(NORMALISATIONS, WEIGHTS))]
    assert [key(trial.ranking) for trial in found] == expected


def test_measure_of_each_setting_is_what_a_run_with_it_gives(trials: list[Trial], searcher: Searcher):
    *_, hybrid = local_systems(searcher, JUDGED)
    for trial in trials:
        searcher.ranking = trial.ranking
        assert trial.ndcg == pytest.approx(measured(runs.run(hybrid, JUDGED), JUDGED)["nDCG@10"])
    # Else the settings would all be one to these queries, and nothing would have been compared.
    assert len({round(trial.ndcg, 6) for trial in trials}) >= 10


def test_smoothed_measure_is_the_mean_with_the_neighbouring_weights(trials: list[Trial]):
    by_key = {key(trial.ranking): trial for trial in trials}
    for (fields, name, weight), trial in by_key.items():
        place = WEIGHTS.index(weight)
        around = [WEIGHTS[max(place - 1, 0)], weight, WEIGHTS[min(place + 1, 4)]]  # at an end, itself
        mean = sum(by_key[fields, name, neighbour].ndcg for neighbour in around) / 3
        assert trial.smoothed == pytest.approx(mean)


def test_searcher_keeps_its_own_settings(trials: list[Trial], searcher: Searcher):
    assert searcher.ranking is KEPT


def test_searcher_keeps_its_own_settings_where_a_trial_is_broken_off(small_grid: None, searcher: Searcher):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune.trials(searcher, JUDGED, stop)
    assert searcher.ranking is KEPT


def test_queries_are_encoded_once_however_large_the_grid(small_grid: None, artifact: Artifact):
    class Counting(HashEncoder):
        queries = 0

        def encode_query(self, query: str):
            self.queries += 1
            return super().encode_query(query)

    encoder = Counting()
    tune.trials(Searcher(artifact, encoder), JUDGED, progress([]))
    assert encoder.queries == len(QUERIES)


@pytest.mark.parametrize("normalisation", ["zscore", "reciprocal_rank"])
def test_written_choice_is_read_back_the_same(tmp_path: Path, normalisation: str):
    fields = {"path": 0.25, "heading": 2.0, "keywords": 1.0, "errors": 0.0, "body": 1.0}
    trial = Trial(Ranking(fields, normalisation, 0.35, 0.6, 0.95), 0.75004, 0.7)
    text = tune.as_toml(trial, JUDGED, "0123456789abcdef")
    tune.write(tmp_path / "ranking.toml", text)
    assert read_ranking(tmp_path / "ranking.toml") == trial.ranking
    assert "# Chosen on judged, tuning: 5 queries, corpus 0123456789ab, nDCG@10 0.7500 (" in text


def test_our_own_settings_are_of_the_grid():
    # server/ranking.toml is written by `tune --write`, not by hand.
    own = read_ranking()
    assert own.fields in list(tune._fields())
    assert own.normalisation in tune._NORMALISATIONS
    assert own.semantic_weight in tune._WEIGHTS
    assert own.lead_factor in tune._LEADS
    assert own.admin_factor in tune._ADMINS
