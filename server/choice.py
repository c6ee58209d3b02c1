"""Which steps of a section belong into an answer: those that belong into the answers to questions like the query.

A section about one symptom lists steps for each of its causes, and who names the cause needs those for it alone.
"""

from collections.abc import Sequence

from indexer.encoder import Vectors
from indexer.questions import QuestionIndex
from server.asked import Likeness


class StepChoice:
    """What the known questions of one help say of its steps."""

    def __init__(self, questions: QuestionIndex) -> None:
        self._steps = questions.learnt.steps
        self._rows = {step: row for row, step in enumerate(self._steps.names)}

    def scores(self, steps: Sequence[tuple[str, str]], likeness: Likeness | None) -> Vectors | None:
        """How much each step, a section_id and a step_id, belongs into the answer to a query, in about [0, 1].

        None where nothing was learnt of the steps, or nothing is known of the query.
        """
        rows = [self._rows.get(step) for step in steps]
        if likeness is None or any(row is None for row in rows):
            return None
        return self._steps.of(likeness.alike, [row for row in rows if row is not None])
