"""Chooses the ranking's settings on a tuning set: weights of the fields, normalisation, weight of the halves."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import nDCG

from evaluation.judgments import JudgedSet, Query
from evaluation.runs import scored
from evaluation.systems import DEPTH
from server.ranking import Normalisation, Ranking
from server.search import Candidates, Searcher

_PATHS = (0.0, 0.25, 0.5, 1.0)
_HEADINGS = (0.25, 0.5, 1.0, 2.0)
_KEYWORDS = (0.5, 1.0)
_ERRORS = (0.5, 1.0)
_NORMALISATIONS: tuple[Normalisation, ...] = ("minmax", "maximum", "zscore")
_WEIGHTS = tuple(round(step / 20, 2) for step in range(21))


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting and what it reached."""

    ranking: Ranking
    ndcg: float  # nDCG@10 on the tuning set
    smoothed: float  # its mean with the neighbouring weights of the halves: what the choice goes by


def trials(searcher: Searcher, judged: JudgedSet, progress: Callable[[int, int], None]) -> list[Trial]:
    """Every setting of the grid, best first by the smoothed measure, ties in the order of the grid.

    Smoothing prefers the middle of a plateau to a lucky peak: the set is small.
    """
    evaluator = ir_measures.evaluator([nDCG @ 10], judged.qrels)
    read = {query: searcher.read(query.text) for query in judged.queries}
    semantic = {query: searcher.candidates(read[query], "semantic").semantic for query in judged.queries}
    kept = searcher.ranking
    found: list[Trial] = []
    grid = list(_fields())
    try:
        for done, fields in enumerate(grid, start=1):
            searcher.ranking = Ranking(fields, "minmax", 0.5)
            lexical = {query: searcher.candidates(read[query], "lexical") for query in judged.queries}
            candidates = {query: replace(found, semantic=semantic[query]) for query, found in lexical.items()}
            rrf = Ranking(fields, "reciprocal_rank", 0.5)
            value = _ndcg(searcher, rrf, candidates, judged, evaluator)
            found.append(Trial(rrf, value, value))
            for normalisation in _NORMALISATIONS:
                rankings = [Ranking(fields, normalisation, weight) for weight in _WEIGHTS]
                values = [_ndcg(searcher, ranking, candidates, judged, evaluator) for ranking in rankings]
                smooth = _smoothed(values)
                found += map(Trial, rankings, values, smooth)
            progress(done, len(grid))
    finally:
        searcher.ranking = kept
    return sorted(found, key=lambda trial: -trial.smoothed)


def _fields() -> Iterator[dict[str, float]]:
    for path, heading, keywords, errors in product(_PATHS, _HEADINGS, _KEYWORDS, _ERRORS):
        yield {"path": path, "heading": heading, "keywords": keywords, "errors": errors, "body": 1.0}


def _ndcg(
    searcher: Searcher,
    ranking: Ranking,
    candidates: dict[Query, Candidates],
    judged: JudgedSet,
    evaluator: "ir_measures.providers.Evaluator",
) -> float:
    searcher.ranking = ranking
    sections = searcher.artifact.sections
    rankings = {
        query.query_id: [sections[row].section_id for row in searcher.ranked(searcher.fuse(found, "hybrid"), 10, DEPTH)]
        for query, found in candidates.items()
    }
    return float(evaluator.calc_aggregate(scored(rankings))[nDCG @ 10])


def _smoothed(values: Sequence[float]) -> list[float]:
    padded = np.pad(np.asarray(values), 1, mode="edge")
    return [float(value) for value in (padded[:-2] + padded[1:-1] + padded[2:]) / 3]


def as_toml(trial: Trial, judged: JudgedSet, corpus_digest: str) -> str:
    """The setting as server/ranking.toml, with where it comes from."""
    fields = "".join(f"{name} = {weight}\n" for name, weight in trial.ranking.fields.items())
    return (
        "# How the two halves become one ranking. Written by `python -m evaluation tune --write`, not by hand.\n"
        f"# Chosen on {judged.name}: {len(judged.queries)} queries, corpus {corpus_digest[:12]},"
        f" nDCG@10 {trial.ndcg:.4f} (with its neighbours {trial.smoothed:.4f}).\n"
        f'normalisation = "{trial.ranking.normalisation}"\n'
        f"semantic_weight = {trial.ranking.semantic_weight}\n\n[fields]\n{fields}"
    )


def write(path: Path, text: str) -> None:
    """Replaces the settings file."""
    path.write_text(text, encoding="utf-8")
