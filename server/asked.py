"""What questions that people asked before say of a query: which sections answer the like, and whether any does.

Known questions are searched as sections are, by words and by meaning, and point to the sections that answer them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from indexer.belonging import likeness as alike_in
from indexer.encoder import Vectors
from indexer.lexical import least_of_best
from indexer.questions import QuestionIndex
from server import fusion
from server.ranking import Ranking

_CANDIDATES = 100  # questions taken from each half, as of sections

# A question whose fit is this much lower has a vote e times smaller. Chosen on tuning, from 0.05 to 0.7: less, and one
# odd question decides, more, and all decide alike.
_REACH = 0.4


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like a query the known questions are; of those with an answer the best of each half, {place: score}."""

    words: Mapping[int, float]  # BM25
    meaning: Mapping[int, float]  # cosine
    to_each: Vectors  # cosine of every known question, (questions,)
    alike: Vectors  # how alike it and every known question are in meaning and words together, (questions,)
    # Row of a section -> how much it belongs into the answer by all known questions together, in about [0, 1].
    belonging: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A known question that is taken for unknown: the query itself, where something is fitted to it or measured."""

    place: int
    # What its own part in what was learnt is made of, by how alike the query and the others are, (questions,): with it
    # in place of its likeness, all is as if it had been learnt without the question. See evaluation/leaving_out.py.
    shares: Vectors


class KnownQuestions:
    """The questions of one index."""

    def __init__(self, index: QuestionIndex, rows: Mapping[str, int]) -> None:
        """`rows` maps section_ids to the rows that likenesses are given by."""
        self._index = index
        self._answers = [
            tuple(rows[section] for section in question.sections if section in rows) for question in index.questions
        ]
        self._learnt_rows = [rows.get(section) for (section,) in index.learnt.sections.names]
        self._answered = np.array([bool(answers) for answers in self._answers], dtype=bool)

    @cached_property
    def sides(self) -> npt.NDArray[np.float32]:
        """1.0 for a question with an answer, else -1.0, (questions,)."""
        return np.array([1.0 if question.sections else -1.0 for question in self._index.questions], dtype=np.float32)

    def likeness(self, vector: Vectors, lemmas: Sequence[str], left_out: LeftOut | None = None) -> Likeness:
        """The likeness of the query with this vector, (dimension,), and these lemmas."""
        to_each = self._index.vectors @ vector
        words = self._index.words(lemmas)
        open_to = self._answered.copy()
        if left_out is not None:
            to_each[left_out.place] = -np.inf
            open_to[left_out.place] = False
        alike = alike_in(to_each, self._index.overlap.of(lemmas))
        if left_out is not None:
            alike[left_out.place] = left_out.shares @ alike
        belonging = zip(self._learnt_rows, self._index.learnt.sections.of(alike).tolist(), strict=True)
        return Likeness(
            words=_best(words, open_to & (words > 0)),
            meaning=_best(to_each, open_to),
            to_each=to_each,
            alike=alike,
            belonging={row: belongs for row, belongs in belonging if row is not None},
        )

    def fits(self, likeness: Likeness, ranking: Ranking) -> dict[int, float]:
        """Row of a section -> how well the questions that it answers fit, higher is better.

        The mean of how well the best of them fits, since one in the same words is enough, and of the votes of all, the
        better fitting the weightier, as a share of those of the section with most: a single likeness may be chance.
        """
        each = fusion.weighted_sum(likeness.words, likeness.meaning, ranking.semantic_weight, ranking.normalisation)
        votes: dict[int, float] = {}
        for place, fit in each.items():
            for row in self._answers[place]:
                votes[row] = votes.get(row, 0.0) + math.exp((fit - 1.0) / _REACH)
        most = max(votes.values(), default=1.0)
        return {row: (fit + votes[row] / most) / 2 for row, fit in self._best_of(each).items()}

    def cosines(self, likeness: Likeness) -> dict[int, float]:
        """Row of a section -> cosine of the nearest question that it answers."""
        return self._best_of(likeness.meaning)

    def nearest(self, likeness: Likeness, row: int) -> list[tuple[str, float]]:
        """The questions near the query that the section of this row answers, and their cosines, the nearest first."""
        places = [place for place in likeness.meaning if row in self._answers[place]]
        places.sort(key=lambda place: -likeness.meaning[place])
        return [(self._index.questions[place].text, likeness.meaning[place]) for place in places]

    def _best_of(self, scores: Mapping[int, float]) -> dict[int, float]:
        best: dict[int, float] = {}
        for place, score in scores.items():
            for row in self._answers[place]:
                best[row] = max(score, best.get(row, score))
        return best


def _best(scores: Vectors, of: npt.NDArray[np.bool_]) -> dict[int, float]:
    """The best of some questions, {place: score}; ties go to the earlier."""
    places = np.flatnonzero(of)
    if len(places) > _CANDIDATES:  # sorting all would take ten times as long
        places = places[scores[places] >= least_of_best(scores[places], _CANDIDATES)]
    kept = places[np.argsort(-scores[places], kind="stable")[:_CANDIDATES]]
    return dict(zip(kept.tolist(), scores[kept].tolist(), strict=True))
