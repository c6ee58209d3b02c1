"""Models of the known questions as they would be if one question were not among them."""

from dataclasses import replace

import numpy as np

from indexer.belonging import Belonging, penalised
from indexer.questions import QuestionIndex


class LeavingOut:
    """Leaves one question at a time out of what was learnt of steps.

    In closed form, after Rifkin and Lippert, "Notes on Regularized Least Squares" (2007): nothing is fitted again.
    """

    def __init__(self, questions: QuestionIndex) -> None:
        """Takes as many numbers as there are pairs of questions."""
        from scipy import linalg

        self._questions = questions
        likenesses = penalised(np.asarray(questions.vectors), questions.overlap)
        self._inverse = linalg.inv(likenesses, overwrite_a=True, check_finite=False)

    def without(self, place: int) -> QuestionIndex:
        """The questions with what is learnt of steps from all but this one."""
        known = self._questions.belonging
        column = known.weights[:, place] / self._inverse[place, place]
        weights = known.weights - np.outer(column, self._inverse[place])
        return replace(self._questions, belonging=Belonging(known.steps, weights.astype(np.float32)))
