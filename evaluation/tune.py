"""Chooses the ranking's settings on a tuning set: weights of the fields, normalisation, weight of the halves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, product
from pathlib import Path
from statistics import mean
from typing import Protocol

import ir_measures
import numpy as np
from ir_measures import nDCG

from evaluation.judgments import JudgedSet, Query
from evaluation.leaving_out import LeavingOut
from evaluation.runs import scored
from evaluation.systems import DEPTH
from server.asked import KnownQuestions, Likeness
from server.found import Candidates
from server.ranking import Normalisation, Ranking
from server.search import Searcher

_PATHS = (0.0, 0.25, 0.5)
_HEADINGS = (0.5, 1.0)  # with 0.25 a question in its own words no longer found its section (tests/test_corpus.py)
_KEYWORDS = (0.5, 1.0)
_ERRORS = (0.5, 1.0)
_NORMALISATIONS: tuple[Normalisation, ...] = ("minmax", "maximum", "zscore", "reciprocal_rank")
_WEIGHTS = tuple(round(0.3 + step / 20, 2) for step in range(11))
_LEADS = (1.0, 0.8, 0.6, 0.4)
# Known questions may not drown the help's own words: with more, one of its questions no longer found its section
# (tests/test_corpus.py), and the measures hardly rose.
_QUESTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
_BELONGINGS = (0.0, 0.5, 1.0, 1.5, 2.0)
_EVERY = 8  # known question with an answer
_SYNONYMS = (0.0, 0.5, 0.75, 1.0, 1.25)
_ASKED_BY_ADMINS = (1.1, 1.2)  # what the words tell is a preference: never none
_OTHER_PLATFORMS = (0.9, 0.8)
_ADMINS = (1.0, 0.95, 0.9, 0.85, 0.8)
_POWERS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)

_Found = dict[Query, Candidates]


class _Measure(Protocol):
    """nDCG@10 of a setting on some queries, for which candidates have been found."""

    def __call__(self, ranking: Ranking, *, weighed: bool = False) -> float: ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting and what it reached."""

    ranking: Ranking
    ndcg: float  # nDCG@10 on the tuning set, before the best are weighed by the odds of relevance
    smoothed: float  # its mean with the neighbouring weights of the halves: what the choice goes by


def trials(searcher: Searcher, judged: JudgedSet, progress: Callable[[int, int], None]) -> list[Trial]:
    """The settings that were tried last, best first by the smoothed measure, ties in the order of the grid.

    First the fields and the fusion are chosen with every factor at 1 and without known questions, then their weights
    for that choice, then the factors, then fields and fusion once more with all of these. Smoothing prefers the middle
    of a plateau to a lucky peak: the set is small. The weights of known questions are those with the best mean of the
    tuning set and of known questions, each left out: the set alone hardly tells them apart. So is, last of all, the
    power of the odds of relevance; without a calibration, which gives those, it stays as it is.
    """
    tuning = _tuning(searcher, judged)
    questions = _questions(searcher)
    kept, known = searcher.ranking, searcher.asked
    searcher.asked = _Remembering(known)
    done, steps = count(1), 2 * len(list(_fields())) + 3

    def move() -> None:
        progress(next(done), steps)

    try:
        best = _fusions(Ranking({}, "minmax", 0.5), tuning, move)[0].ranking
        best = _with_questions(best, [tuning(best), *questions])
        move()
        best = _with_factors(best, tuning)
        move()
        tried = _fusions(best, tuning, move)
        best = tried[0].ranking
        power = _power(best, [tuning(best), *questions]) if searcher.calibration else kept.relevance_power
        move()
        return [replace(trial, ranking=replace(trial.ranking, relevance_power=power)) for trial in tried]
    finally:
        searcher.ranking, searcher.asked = kept, known


def _tuning(searcher: Searcher, judged: JudgedSet) -> Callable[[Ranking], _Measure]:
    """What gives the measure on the tuning set, of settings with the fields and the weight of synonyms of one.

    The candidates depend on these two alone, so they are found once for all settings that share them.
    """
    evaluator = ir_measures.evaluator([nDCG @ 10], judged.qrels)
    read = {query: searcher.read(query.text) for query in judged.answerable}
    both = {query: searcher.candidates(read[query], "hybrid") for query in judged.answerable}
    kept = searcher.ranking

    def measure_for(ranking: Ranking) -> _Measure:
        searcher.ranking = replace(kept, fields=ranking.fields, synonym_weight=ranking.synonym_weight)
        lexical = {query: searcher.candidates(read[query], "lexical") for query in judged.answerable}
        candidates = {query: replace(both[query], lexical=found.lexical) for query, found in lexical.items()}
        return partial(_ndcg, searcher, evaluator, candidates)

    return measure_for


def _fusions(factors: Ranking, tuning: Callable[[Ranking], _Measure], move: Callable[[], None]) -> list[Trial]:
    """Every choice of fields and fusion with these factors, best first; moves after each of the fields."""
    tried: list[Trial] = []
    for fields in _fields():
        measure = tuning(replace(factors, fields=fields))
        for name in _NORMALISATIONS:
            rankings = [
                replace(factors, fields=fields, normalisation=name, semantic_weight=weight) for weight in _WEIGHTS
            ]
            values = [measure(ranking) for ranking in rankings]
            tried += map(Trial, rankings, values, _smoothed(values))
        move()
    return sorted(tried, key=lambda trial: -trial.smoothed)


def _with_questions(best: Ranking, measures: Sequence[_Measure]) -> Ranking:
    """The setting with the weights of known questions that reach most in the mean of the measures."""
    weighed: list[tuple[float, Ranking]] = []
    for belonging in _BELONGINGS:
        rankings = [replace(best, question_weight=weight, belonging_weight=belonging) for weight in _QUESTIONS]
        values = [mean(measure(ranking) for measure in measures) for ranking in rankings]
        weighed += zip(_smoothed(values), rankings, strict=True)
    return max(weighed, key=lambda each: each[0])[1]


def _with_factors(best: Ranking, tuning: Callable[[Ranking], _Measure]) -> Ranking:
    """The setting with the factors and the weight of synonyms that reach most on the tuning set."""
    rated: list[tuple[float, Ranking]] = []
    for synonyms in _SYNONYMS:
        measure = tuning(replace(best, synonym_weight=synonyms))
        for lead, admin, asked, other in product(_LEADS, _ADMINS, _ASKED_BY_ADMINS, _OTHER_PLATFORMS):
            factors = replace(
                best,
                lead_factor=lead,
                admin_factor=admin,
                asked_by_admin_factor=asked,
                other_platform_factor=other,
                synonym_weight=synonyms,
            )
            rated.append((measure(factors), factors))
    return max(rated, key=lambda each: each[0])[1]


def _power(best: Ranking, measures: Sequence[_Measure]) -> float:
    """The power of the odds of relevance that reaches most in the mean of the measures."""

    def reached(power: float) -> float:
        ranking = replace(best, relevance_power=power)
        return mean(measure(ranking, weighed=True) for measure in measures)

    return max(_POWERS, key=reached)


class _Remembering(KnownQuestions):
    """Known questions that work out once what they say of a query: most settings do not change it."""

    def __init__(self, known: KnownQuestions) -> None:
        self.__dict__.update(known.__dict__)
        self._fits: dict[tuple[int, float, str], dict[int, float]] = {}

    def fits(self, likeness: Likeness, ranking: Ranking) -> dict[int, float]:
        """As of the questions themselves; a likeness is known again by its identity, so it has to live as long."""
        key = id(likeness), ranking.semantic_weight, ranking.normalisation
        if key not in self._fits:
            self._fits[key] = super().fits(likeness, ranking)
        return self._fits[key]


def _fields() -> Iterator[dict[str, float]]:
    for path, heading, keywords, errors in product(_PATHS, _HEADINGS, _KEYWORDS, _ERRORS):
        yield {"path": path, "heading": heading, "keywords": keywords, "errors": errors, "body": 1.0}


def _questions(searcher: Searcher) -> list[_Measure]:
    """The measure on every so-manieth known question with an answer, which is left out; none where there is none.

    The lexical half is that of the searcher's own fields.
    """
    questions = searcher.artifact.questions
    answered = [place for place, question in enumerate(questions.questions) if question.sections][::_EVERY]
    if not answered:
        return []
    leaving = LeavingOut(questions)
    found: _Found = {}
    qrels: dict[str, dict[str, int]] = {}
    for place in answered:
        question = questions.questions[place]
        query = Query(f"known {place}", question.line)
        found[query] = searcher.candidates(searcher.read(query.text), "hybrid", left_out=leaving.without(place))
        qrels[query.query_id] = dict.fromkeys(question.sections, 1)
    return [partial(_ndcg, searcher, ir_measures.evaluator([nDCG @ 10], qrels), found)]


def _ndcg(
    searcher: Searcher,
    evaluator: "ir_measures.providers.Evaluator",
    candidates: _Found,
    ranking: Ranking,
    *,
    weighed: bool = False,
) -> float:
    """nDCG@10; `weighed` by the odds of relevance, which takes many times as long."""
    searcher.ranking = ranking
    sections = searcher.artifact.sections
    rankings = {}
    for query, found in candidates.items():
        scores: Mapping[int, float]
        if weighed:
            scores = searcher.scored(searcher.read(query.text), found, "hybrid").scores
        else:
            scores = searcher.fuse(found, "hybrid")
        rankings[query.query_id] = [sections[row].section_id for row in searcher.ranked(scores, 10, DEPTH)]
    return float(evaluator.calc_aggregate(scored(rankings))[nDCG @ 10])


def _smoothed(values: Sequence[float]) -> list[float]:
    padded = np.pad(np.asarray(values), 1, mode="edge")
    return [float(value) for value in (padded[:-2] + padded[1:-1] + padded[2:]) / 3]


def as_toml(trial: Trial, judged: JudgedSet, corpus_digest: str) -> str:
    """The setting as server/ranking.toml, with where it comes from."""
    fields = "".join(f"{name} = {weight}\n" for name, weight in trial.ranking.fields.items())
    return (
        "# How the two halves become one ranking. Written by `python -m evaluation tune --write`, not by hand.\n"
        f"# Chosen on {judged.name}: {len(judged.answerable)} queries, corpus {corpus_digest[:12]}, nDCG@10"
        f" {trial.ndcg:.4f} (with its\n"
        f"# neighbours {trial.smoothed:.4f}), before the best are weighed by the odds of relevance.\n"
        f'normalisation = "{trial.ranking.normalisation}"\n'
        f"semantic_weight = {trial.ranking.semantic_weight}\n"
        f"lead_factor = {trial.ranking.lead_factor}\n"
        f"admin_factor = {trial.ranking.admin_factor}\n"
        f"asked_by_admin_factor = {trial.ranking.asked_by_admin_factor}\n"
        f"other_platform_factor = {trial.ranking.other_platform_factor}\n"
        f"question_weight = {trial.ranking.question_weight}\n"
        f"belonging_weight = {trial.ranking.belonging_weight}\n"
        f"relevance_power = {trial.ranking.relevance_power}\n"
        f"synonym_weight = {trial.ranking.synonym_weight}\n\n[fields]\n{fields}"
    )


def write(path: Path, text: str) -> None:
    """Replaces the settings file."""
    path.write_text(text, encoding="utf-8")
