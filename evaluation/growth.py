"""What grows with the help: time, memory and quality of both halves over synthetic corpora of several sizes.

Each half is built in a process of its own, saved, and loaded in another as a server loads it: so memory is what the
index takes and not what building it has left behind.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from evaluation.synthetic import neighbours_of, sections_like
from indexer.artifact import Artifact
from indexer.encoder import Vectors
from indexer.lemmas import Lemmatizer
from indexer.lexical import LexicalIndex, field_texts
from indexer.vectors import VectorIndex
from server.search import CANDIDATES

_ROUNDS = 3  # each query is timed so often, and its median counts
_CUTOFF = 10  # of recall
_HELD_OUT = 10  # without known questions every tenth vector is a query and not indexed

Measures = dict[str, Any]  # by their names in VectorGrowth or LexicalGrowth
Apart = Callable[..., Measures]  # calls a function with arguments, somewhere


@dataclass(frozen=True, slots=True)
class Seed:
    """What corpora are grown from, and the queries: of one real index."""

    vectors: Vectors  # of windows and sentences, unit length
    query_vectors: Vectors  # none of which is indexed
    sections: tuple[Mapping[str, Sequence[str]], ...]  # {field: lemmas}
    queries: tuple[tuple[str, ...], ...]  # lemmas
    source: str  # what the queries are


@dataclass(frozen=True, slots=True)
class VectorGrowth:
    """The semantic half at one size. Times in milliseconds, memory in bytes."""

    kind: str
    flat_p50: float
    flat_p95: float
    p50: float
    p95: float
    cold_p50: float  # where a flat search before each query has emptied the caches
    ratio: float  # median over the queries of the index's time to that of flat search
    recall: float  # of the exact first ten, mean over the queries
    recall_of_candidates: float  # of the exact first hundred
    file: int
    resident: int  # what loading and searching added to the process, mapped file included
    build_seconds: float
    build_peak: int  # of the whole process, the synthetic corpus included


@dataclass(frozen=True, slots=True)
class LexicalGrowth:
    """The lexical half at one size. Times in milliseconds, memory in bytes."""

    p50: float
    p95: float
    postings: float  # read by a query, median
    per_million: float  # milliseconds for a million postings, all queries together
    lemmas: int
    file: int
    resident: int
    build_seconds: float
    build_peak: int


def seed_of(artifact: Artifact, queries: int) -> Seed:
    """What to grow from an index; `queries` are taken evenly from its known questions, else from its own texts."""
    lemmas = Lemmatizer().lemmas
    errors: dict[str, list[str]] = {}
    for error in artifact.errors.error:
        errors.setdefault(error.section, []).append(error.text)
    texts = [field_texts(section, errors.get(section.section_id, ())) for section in artifact.sections]
    sections = tuple({name: lemmas(text) for name, text in each.items()} for each in texts)
    windows = np.stack(list(artifact.vectors.known_vectors().values()))
    real = np.unique(np.concatenate([windows, artifact.sentences.vectors]), axis=0)
    if asked := artifact.questions.questions:
        chosen = np.linspace(0, len(asked) - 1, min(queries, len(asked))).astype(int)
        lines = tuple(tuple(lemmas(asked[place].line)) for place in chosen.tolist())
        return Seed(real, np.asarray(artifact.questions.vectors[chosen]), sections, lines, "known questions")
    held = np.arange(len(real)) % _HELD_OUT == 0
    chosen = np.linspace(0, held.sum() - 1, min(queries, int(held.sum()))).astype(int)
    headings = [tuple(lemmas(section.headings[-1])) for section in artifact.sections]
    lines = tuple(headings[:: max(1, len(headings) // queries)][:queries])
    return Seed(real[~held], real[held][chosen], sections, lines, "texts of the index, not indexed")


def measure_vectors(seed: Seed, size: int, folder: Path, apart: Apart) -> VectorGrowth:
    """The semantic half with `size` windows, one a section. `apart` runs a function in a process of its own."""
    built = apart(_build_vectors, seed.vectors, size, folder)
    return VectorGrowth(**built, **apart(_search_vectors, seed.query_vectors, folder))


def measure_lexical(seed: Seed, size: int, weights: Mapping[str, float], folder: Path, apart: Apart) -> LexicalGrowth:
    """The lexical half with `size` sections, searched and cut to candidates as the server does it."""
    built = apart(_build_lexical, seed.sections, size, folder)
    return LexicalGrowth(**built, **apart(_search_lexical, seed.queries, weights, folder))


def in_own_process(function: Callable[..., Measures], *arguments: object) -> Measures:
    """What the function gives, called in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        return processes.submit(function, *arguments).result()


def in_this_process(function: Callable[..., Measures], *arguments: object) -> Measures:
    """What the function gives, called here: sooner, but the memory it takes is mixed with all else."""
    return function(*arguments)


def _build_vectors(real: Vectors, size: int, folder: Path) -> Measures:
    vectors = neighbours_of(real, size)
    started = time.perf_counter()
    index = VectorIndex.build(vectors, range(size), [f"{number:064x}" for number in range(size)])
    seconds = time.perf_counter() - started
    index.save(folder / "vectors.faiss")
    np.save(folder / "exact.npy", vectors)
    file = sum(path.stat().st_size for path in folder.glob("vectors.*"))
    return {"build_seconds": seconds, "build_peak": _peak(), "file": file}


def _search_vectors(queries: Vectors, folder: Path) -> Measures:
    before = _resident()
    index = VectorIndex.load(folder / "vectors.faiss")
    ours = [_rows(index, query) for query in queries]
    resident = _resident() - before
    # Flat search has its vectors in memory, where it is fastest.
    exact = faiss.IndexFlatIP(index.dimension)
    exact.add(np.load(folder / "exact.npy"))
    flat = VectorIndex(exact, np.arange(len(index), dtype=np.int32), [""] * len(index))
    true = [_rows(flat, query) for query in queries]
    times = _timed(
        [lambda query: flat.search(query, CANDIDATES), lambda query: index.search(query, CANDIDATES)], queries
    )
    cold = []
    for query in queries:
        flat.search(query, CANDIDATES)
        started = time.thread_time()
        index.search(query, CANDIDATES)
        cold.append(1000 * (time.thread_time() - started))
    return {
        "kind": index.kind,
        "cold_p50": _quantile(cold, 0.5),
        "resident": resident,
        "flat_p50": _quantile(times[0], 0.5),
        "flat_p95": _quantile(times[0], 0.95),
        "p50": _quantile(times[1], 0.5),
        "p95": _quantile(times[1], 0.95),
        "ratio": statistics.median(found / whole for whole, found in zip(*times, strict=True)),
        "recall": _recall(ours, true, _CUTOFF),
        "recall_of_candidates": _recall(ours, true, CANDIDATES),
    }


def _build_lexical(real: Sequence[Mapping[str, Sequence[str]]], size: int, folder: Path) -> Measures:
    sections = sections_like(real, size)
    started = time.perf_counter()
    index = LexicalIndex.build(sections)
    seconds = time.perf_counter() - started
    index.save(folder / "lexical")
    files = [folder / "vocabulary", *(folder / "lexical").rglob("*")]
    file = sum(path.stat().st_size for path in files if path.is_file())
    return {"build_seconds": seconds, "build_peak": _peak(), "file": file, "lemmas": len(index.vocabulary)}


def _search_lexical(queries: Sequence[Sequence[str]], weights: Mapping[str, float], folder: Path) -> Measures:
    before = _resident()
    index = LexicalIndex.load(folder / "lexical")

    def search(query: Sequence[str]) -> list[tuple[int, float]]:
        rows, scores = index.best([(query, 1.0)], weights, CANDIDATES)
        found = zip(rows.tolist(), scores.tolist(), strict=True)
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:CANDIDATES]

    for query in queries:
        search(query)
    resident = _resident() - before
    (times,) = _timed([search], queries)
    postings = [index.postings(query, weights) for query in queries]
    return {
        "resident": resident,
        "p50": _quantile(times, 0.5),
        "p95": _quantile(times, 0.95),
        "postings": statistics.median(postings),
        "per_million": sum(times) / max(1, sum(postings)) * 1e6,
    }


def _timed(ways: Sequence[Callable[[Any], object]], queries: Iterable[Any]) -> list[list[float]]:
    """Milliseconds of each query, the median of its rounds, for each way; in a round one way after the other.

    On the processor: one thread does all, and what other programs took of the machine meanwhile does not count. The
    ways do not take turns query by query, because flat search leaves nothing in the caches.
    """
    asked = list(queries)
    times: list[list[list[float]]] = [[[] for _ in asked] for _ in ways]
    for _ in range(_ROUNDS):
        for search, taken in zip(ways, times, strict=True):
            for place, query in enumerate(asked):
                started = time.thread_time()
                search(query)
                taken[place].append(1000 * (time.thread_time() - started))
    return [[statistics.median(rounds) for rounds in taken] for taken in times]


def _rows(index: VectorIndex, query: Vectors) -> list[int]:
    return [row for row, _ in index.search(query, CANDIDATES)]


def _recall(found: Sequence[Sequence[int]], true: Sequence[Sequence[int]], cutoff: int) -> float:
    """Mean share of the true first `cutoff` that the found first `cutoff` hold."""
    pairs = zip(found, true, strict=True)
    return statistics.mean(len(set(ours[:cutoff]) & set(all_[:cutoff])) / len(all_[:cutoff]) for ours, all_ in pairs)


def _quantile(times: Sequence[float], share: float) -> float:
    return float(np.quantile(times, share))


def _peak() -> int:
    return _of_process("VmHWM")


def _resident() -> int:
    return _of_process("VmRSS")


def _of_process(name: str) -> int:
    """A line of Linux's account of this process, in bytes; 0 on other systems. (ru_maxrss is the parent's, too.)"""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(name)), 0)
