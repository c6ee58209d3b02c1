"""How far to go from the published model towards the trained one: figures at several scales, and the scale chosen."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from indexer.adaptation.pairs import Pair, passage
from indexer.encoder import Vectors
from indexer.errors import ArticleError
from indexer.sections import Section

SCALES = (0.0, 0.25, 0.5, 0.75, 1.0)
WITHOUT_TUNING = 0.5  # half-way kept most of what the published model can do with other texts

_CUTOFF = 10

Side = Literal["query", "passage"]
Encode = Callable[[Sequence[str], Side], Vectors]  # texts and what they are -> unit vectors
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Point:
    """What a scale gives."""

    scale: float
    ndcg: float  # nDCG@10 of the ranking by cosine, mean over the queries that have an answer
    auroc: float | None  # of the best cosine, answerable against unanswerable queries; None without either


@dataclass(frozen=True, slots=True)
class Tuning:
    """Judged queries."""

    queries: tuple[str, ...]
    gold: tuple[Mapping[str, int], ...]  # of each query: section_id or article_id -> relevance; empty: has no answer

    @property
    def judged(self) -> frozenset[str]:
        """The ids of the sections (or articles) that have a judgment for any query."""
        return frozenset(judged for grades in self.gold for judged in grades)


def read_tuning(folder: Path) -> Tuning:
    """The queries judged in `qrels/tuning.tsv` of a BEIR folder, then its tuning queries that have no answer.

    Raises ArticleError where a file is missing or a line is not of the form.
    """
    grades: dict[str, dict[str, int]] = {}
    path = folder / "qrels" / "tuning.tsv"
    for number, row in enumerate(csv.reader(_lines(path), delimiter="\t"), start=1):
        if not row or (number == 1 and row[0] == "query-id"):
            continue
        try:
            query_id, judged, relevance = row
            grades.setdefault(query_id, {})[judged] = int(relevance)
        except ValueError as error:
            raise ArticleError(f"{path}:{number}: {row}; expected query-id, corpus-id, score; mend the line") from error
    path = folder / "queries.jsonl"
    found: dict[str, str] = {}
    unanswerable = []
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            try:
                record: Any = json.loads(line)
                query_id, text = str(record["_id"]), str(record["text"])
                has_answer, split = record.get("answerable", True), record.get("split", "")
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ArticleError(f'{path}:{number}: {error!r}; expected {{"_id", "text"}}; mend the line') from error
            if query_id in grades:
                found[query_id] = text
            elif not has_answer and split == "tuning":
                unanswerable.append(text)
    if unknown := sorted(grades.keys() - found.keys()):
        raise ArticleError(f"{path}: query {unknown[0]} of qrels/tuning.tsv is not there; expected its text; add it")
    if not any(relevance > 0 for judged in grades.values() for relevance in judged.values()):
        raise ArticleError(f"{folder}: no section is judged relevant; expected judgments above 0; judge some queries")
    return Tuning(
        (*found.values(), *unanswerable), (*(grades[query_id] for query_id in found), *({} for _ in unanswerable))
    )


def judged_figures(encode: Encode, tuning: Tuning, sections: Sequence[Section]) -> tuple[float, float | None]:
    """nDCG@10 and AUROC on judged queries. Where articles were judged, an article counts by its best section."""
    by_article = not any("#" in judged for judged in tuning.judged)
    ids = [section.article_id if by_article else section.section_id for section in sections]
    cosines = encode(tuning.queries, "query") @ encode([passage(section) for section in sections], "passage").T
    answerable = np.array([bool(grades) for grades in tuning.gold])
    gains = []
    for row, grades in zip(cosines, tuning.gold, strict=True):
        if grades:
            ranked = list(dict.fromkeys(ids[place] for place in np.argsort(-row, kind="stable")))
            gains.append(ndcg([grades.get(each, 0) for each in ranked], list(grades.values())))
    return float(np.mean(gains)), auroc(cosines.max(axis=1), answerable)


def held_out_figures(
    encode: Encode, pairs: Sequence[Pair], sections: Sequence[Section], kin: Callable[[str, str], bool]
) -> tuple[float, float | None]:
    """nDCG@10 and AUROC on pairs kept out of training: each anchor against the rest of its section and all others.

    A query without an answer is the same anchor with its section, and what is kin to it, taken away.
    """
    by_id = {section.section_id: section for section in sections}
    queries = encode([pair.anchor for pair in pairs], "query")
    own = encode([passage(by_id[pair.section_id], [pair]) for pair in pairs], "passage")
    others = queries @ encode([passage(section) for section in sections], "passage").T
    for place, pair in enumerate(pairs):
        others[place, [kin(pair.section_id, section.section_id) for section in sections]] = -1.0
    scores = np.einsum("ij,ij->i", queries, own)
    ranks = 1 + (others > scores[:, None]).sum(axis=1)
    gains = np.where(ranks <= _CUTOFF, 1 / np.log2(ranks + 1), 0.0)
    best = others.max(axis=1)
    both = np.concatenate([np.maximum(best, scores), best])
    return float(gains.mean()), auroc(both, np.arange(len(both)) < len(pairs))


def ndcg(ranked: Sequence[int], judged: Sequence[int]) -> float:
    """nDCG@10 of the grades in the order ranked, in [0, 1]; linear gains, as trec_eval; 0.0 where none is positive."""

    def gain(grades: Sequence[int]) -> float:
        top = np.maximum(np.asarray(grades[:_CUTOFF], dtype=float), 0)
        return float((top / np.log2(np.arange(2, len(top) + 2))).sum())

    best = gain(sorted(judged, reverse=True))
    return gain(ranked) / best if best else 0.0


def auroc(scores: npt.NDArray[np.floating[Any]], positive: Bools) -> float | None:
    """Share of (positive, negative) couples in which the positive scores higher, ties half; None without couples."""
    others, own = np.sort(scores[~positive]), scores[positive]
    if not len(others) or not len(own):
        return None
    below = np.searchsorted(others, own, side="left") + np.searchsorted(others, own, side="right")
    return float(below.sum() / (2 * len(others) * len(own)))


def chosen(curve: Sequence[Point]) -> Point | None:
    """The point with the most nDCG@10 + AUROC of those no worse than the published model in either; None where none is.

    The first point is the published model's. Of equal ones the smaller scale, which changes less.
    """
    published, *others = curve
    better = [
        point for point in others if point.ndcg >= published.ndcg and (point.auroc or 0.0) >= (published.auroc or 0.0)
    ]
    best = max(better, key=_worth, default=None)
    return best if best and _worth(best) > _worth(published) else None


def _worth(point: Point) -> float:
    return point.ndcg + (point.auroc or 0.0)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ArticleError(
            f"{path}: cannot be read ({error}); expected judged queries, a BEIR folder with queries.jsonl and "
            "qrels/tuning.tsv; correct --tuning, or leave it out"
        ) from error
