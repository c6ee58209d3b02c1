"""Systems over sets of queries: rankings taken, measured, and set side by side as Results."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import fmean

import ir_measures

from evaluation import provenance
from evaluation.judgments import JudgedSet
from evaluation.measures import judged_at
from evaluation.results import Answerability, Provenance, SetResult, SystemResult
from evaluation.runs import MEASURES, NAMES, Run, run, scored
from evaluation.systems import System

PACKAGES = ("pymorphy3", "pymorphy3-dicts-ru", "bm25s", "faiss-cpu", "sentence-transformers", "torch", "ir_measures")

Progress = Callable[[int, int], None]


def measure_set(
    systems: Sequence[System], judged: JudgedSet, progress: Callable[[str], Progress], cutoff: int = 10
) -> SetResult:
    """Every system on the answerable queries of a set. Raises SystemFailure where one does not answer a query."""
    return as_set_result(systems, [run(system, judged, progress(system.name)) for system in systems], judged, cutoff)


def as_set_result(systems: Sequence[System], taken: Sequence[Run], judged: JudgedSet, cutoff: int = 10) -> SetResult:
    """The runs of the systems, measured; and the decisions of the one that decides."""
    queries = judged.answerable
    return SetResult(
        name=judged.name,
        queries=len(queries),
        unanswerable=len(judged.queries) - len(queries),
        systems=tuple(measure_system(found, judged, cutoff) for found in taken),
        texts={query.query_id: query.text for query in queries},
        kinds={query.query_id: query.kind for query in queries if query.kind},
        topics={query.query_id: query.topic for query in queries if query.topic},
        answerability=next((decisions(system, judged) for system in systems if system.decide), ()),
    )


def beside_clean(copies: SetResult, clean: SetResult) -> SetResult:
    """Adds to a result on perturbed copies how much of its first measure each system keeps of the same clean queries.

    Left out where the clean queries reach nothing.
    """
    of_clean = {system.system: system for system in clean.systems}
    systems = []
    for system in copies.systems:
        first = next(iter(system.measures), "")
        same = [of_clean[system.system].per_query[query_id][first] for query_id in system.per_query]
        kept = {f"{first} of clean": system.measures[first] / fmean(same)} if any(same) else {}
        systems.append(replace(system, measures=system.measures | kept))
    return replace(copies, systems=tuple(systems))


def decisions(system: System, judged: JudgedSet) -> tuple[Answerability, ...]:
    """Relevance, the judged truth and the decision for each query in its order.

    Empty for a system that does not decide, and for a set whose queries all have an answer.
    """
    if not system.decide or len(judged.answerable) == len(judged.queries):
        return ()
    decided = [(query.answerable, *system.decide(query)) for query in judged.queries]
    return tuple((relevance, answerable, answered) for answerable, relevance, answered in decided)


def measure_system(found: Run, judged: JudgedSet, cutoff: int = 10) -> SystemResult:
    """The measures of one run: means over all queries, by kind and by topic, and query by query.

    A query without results counts 0 and stays in the mean. Judged@k says how far the judgments reach; where it is low,
    the other figures are too.
    """
    queries = judged.answerable
    per_query: dict[str, dict[str, float]] = {query.query_id: {} for query in queries}
    qrels = {query.query_id: judged.qrels[query.query_id] for query in queries}
    for value in ir_measures.iter_calc(MEASURES, qrels, scored(found.rankings)):
        per_query[value.query_id][NAMES[value.measure]] = float(value.value)
    # In the order of MEASURES, whose first is the one that reports show.
    per_query = {
        query_id: {NAMES[name]: values[NAMES[name]] for name in MEASURES} for query_id, values in per_query.items()
    }
    for query_id, values in per_query.items():
        share = judged_at(cutoff, {query_id: found.rankings.get(query_id, [])}, qrels)
        if share is not None:
            values[f"Judged@{cutoff}"] = share
    return SystemResult(
        system=found.system,
        measures=means(per_query.values()),
        by_kind=_grouped(per_query, {query.query_id: query.kind for query in queries}),
        by_topic=_grouped(per_query, {query.query_id: query.topic for query in queries}),
        per_query=per_query,
        milliseconds=dict(found.milliseconds),
    )


def means(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each measure over the rows that have it; empty without rows."""
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: fmean(row[name] for row in rows if name in row) for name in names}


def _grouped(per_query: Mapping[str, Mapping[str, float]], labels: Mapping[str, str]) -> dict[str, dict[str, float]]:
    groups: dict[str, list[Mapping[str, float]]] = {}
    for query_id, values in per_query.items():
        if labels[query_id]:
            groups.setdefault(labels[query_id], []).append(values)
    return {label: means(rows) for label, rows in sorted(groups.items())}


def provenance_of(
    settings: Mapping[str, object], digests: Mapping[str, str], corpus_digest: str, model: str, fingerprint: str
) -> Provenance:
    """Where results of now come from."""
    return Provenance(
        commit=provenance.git_commit(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        corpus_digest=corpus_digest,
        model=model,
        model_fingerprint=fingerprint,
        settings=dict(settings),
        sets=dict(digests),
        versions={name: version(name) for name in PACKAGES},
        machine=provenance.machine(),
    )
