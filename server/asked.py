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
    """How like a query the known questions are; of those with an answer the best of each half, {place: score}.

    The best of a half comes first.
    """

    words: Mapping[int, float]  # BM25
    meaning: Mapping[int, float]  # cosine
    to_each: Vectors  # cosine of every known question, (questions,)
    alike: Vectors  # how alike it and every known question are in meaning and words together, (questions,)
    # Row of a section -> how much it belongs into the answer by all known questions together, in about [0, 1].
    belonging: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Worded:
    """How like a query the known questions are in their words alone."""

    best: Mapping[int, float]  # of those with an answer, {place: BM25}, the best first
    overlap: Vectors  # cosine of the words of every known question, (questions,)


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
        self._answered = np.array([bool(answers) for answers in self._answers], dtype=bool)
        self._answered_places = np.flatnonzero(self._answered)
        learnt = {rows[section]: n for n, (section,) in enumerate(index.learnt.sections.names) if section in rows}
        self._learnt_rows, self._learnt_places = list(learnt), np.array(list(learnt.values()), dtype=np.int64)

    @cached_property
    def sides(self) -> npt.NDArray[np.float32]:
        """1.0 for a question with an answer, else -1.0, (questions,)."""
        return np.array([1.0 if question.sections else -1.0 for question in self._index.questions], dtype=np.float32)

    def worded(self, lemmas: Sequence[str], left_out: LeftOut | None = None) -> Worded:
        """The likeness of the query with these lemmas as far as its words go."""
        words = self._index.words(lemmas)
        places = np.flatnonzero(words > 0)
        places = places[self._answered[places]]
        if left_out is not None:
            places = places[places != left_out.place]
        return Worded(_best(words, places), self._index.overlap.of(lemmas))

    def likeness(self, vector: Vectors, worded: Worded, left_out: LeftOut | None = None) -> Likeness:
        """The likeness of the query with this vector, (dimension,), and these words."""
        to_each = self._index.cosines(vector)
        near = self._answered_places
        if left_out is not None:
            to_each[left_out.place] = -np.inf
            near = near[near != left_out.place]
        alike = alike_in(to_each, worded.overlap)
        if left_out is not None:
            alike[left_out.place] = left_out.shares @ alike
        belonging = self._index.learnt.sections.of(alike)[self._learnt_places].tolist()
        return Likeness(
            words=worded.best,
            meaning=_best(to_each, near),
            to_each=to_each,
            alike=alike,
            belonging=dict(zip(self._learnt_rows, belonging, strict=True)),
        )

    def fits(self, likeness: Likeness, ranking: Ranking) -> dict[int, float]:
        """Row of a section -> how well the questions that it answers fit, higher is better.

        The mean of how well the best of them fits, since one in the same words is enough, and of the votes of all, the
        better fitting the weightier, as a share of those of the section with most: a single likeness may be chance.
        """
        each = fusion.weighted_sum(likeness.words, likeness.meaning, ranking.semantic_weight, ranking.normalisation)
        best: dict[int, float] = {}
        votes: dict[int, float] = {}
        for place, fit in each.items():
            vote = math.exp((fit - 1.0) / _REACH)
            for row in self._answers[place]:
                votes[row] = votes.get(row, 0.0) + vote
                if fit > best.get(row, -math.inf):
                    best[row] = fit
        most = max(votes.values(), default=1.0)
        return {row: (best[row] + vote / most) / 2 for row, vote in votes.items()}

    def cosines(self, likeness: Likeness) -> dict[int, float]:
        """Row of a section -> cosine of the nearest question that it answers."""
        best: dict[int, float] = {}
        for place, cosine in likeness.meaning.items():  # the nearest first
            for row in self._answers[place]:
                best.setdefault(row, cosine)
        return best

    def nearest(self, likeness: Likeness, row: int) -> list[tuple[str, float]]:
        """The questions near the query that the section of this row answers, and their cosines, the nearest first."""
        places = [place for place in likeness.meaning if row in self._answers[place]]
        places.sort(key=lambda place: -likeness.meaning[place])
        return [(self._index.questions[place].text, likeness.meaning[place]) for place in places]


def _best(scores: Vectors, places: npt.NDArray[np.int64]) -> dict[int, float]:
    """The best of the questions at these places, {place: score}, the best first; ties go to the earlier."""
    own = scores[places]
    if len(places) > _CANDIDATES:  # sorting all would take ten times as long
        among = own >= least_of_best(own, _CANDIDATES)
        places, own = places[among], own[among]
    order = np.argsort(-own, kind="stable")[:_CANDIDATES]
    return dict(zip(places[order].tolist(), own[order].tolist(), strict=True))
