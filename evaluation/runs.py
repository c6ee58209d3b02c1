"""A system's rankings over a set of queries, measured with ir_measures."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ir_measures import RR, R, Success, nDCG

from evaluation.judgments import JudgedSet
from evaluation.systems import Ranking, System

# The field's measures: graded gain of the first ten, place of the first good one, share found, hit at one and three.
MEASURES = (nDCG @ 10, RR @ 10, R @ 10, Success @ 1, Success @ 3)
NAMES = {nDCG @ 10: "nDCG@10", RR @ 10: "RR@10", R @ 10: "R@10", Success @ 1: "hit@1", Success @ 3: "hit@3"}


@dataclass(frozen=True, slots=True)
class Run:
    """A system's ranking for every query of a set."""

    system: str
    rankings: Mapping[str, Ranking]  # query_id -> ids, best first
    milliseconds: Mapping[str, float] = field(default_factory=dict)  # query_id -> time taken


def run(system: System, judged: JudgedSet, progress: Callable[[int, int], None] = lambda done, total: None) -> Run:
    """The system's rankings of the answerable queries; a failure on any is raised, not counted as an empty list."""
    rankings = {}
    milliseconds = {}
    for done, query in enumerate(judged.answerable, start=1):
        started = time.perf_counter()
        rankings[query.query_id] = system.rank(query)
        milliseconds[query.query_id] = (time.perf_counter() - started) * 1000
        progress(done, len(judged.answerable))
    return Run(system.name, rankings, milliseconds)


def scored(rankings: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Rankings as ir_measures reads them: strictly decreasing scores, so that no tie is broken elsewhere."""
    return {query_id: {found: -float(rank) for rank, found in enumerate(ids)} for query_id, ids in rankings.items()}
