"""Known questions, each taken for unknown: what was learnt of sections and steps is then as if it never were known."""

import numpy as np

from indexer.belonging import penalised
from indexer.questions import QuestionIndex
from server.asked import LeftOut


class LeavingOut:
    """Leaves one question at a time out of what was learnt.

    In closed form, after Rifkin and Lippert, "Notes on Regularized Least Squares" (2007): nothing is fitted again. The
    weights without question i are W - W[:, i] G[i] / G[i, i], where G is the inverse of the penalised likenesses; for a
    query that is alike[j] to question j that is the same as W where alike[i] is -G[i] @ alike / G[i, i] of the others.
    """

    def __init__(self, questions: QuestionIndex) -> None:
        """Takes as many numbers as there are pairs of questions."""
        from scipy import linalg

        likenesses = penalised(np.asarray(questions.vectors), questions.overlap)
        self._inverse = linalg.inv(likenesses, overwrite_a=True, check_finite=False)

    def without(self, place: int) -> LeftOut:
        """The question at this place, to be taken for unknown."""
        shares = -self._inverse[place] / self._inverse[place, place]
        shares[place] = 0.0
        return LeftOut(place, shares)
