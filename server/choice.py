"""Which steps of a section belong into an answer: those that the judged answers to questions like the query have.

A section about one symptom lists steps for each of its causes, and who names the cause needs those for it alone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from indexer.knowledge import Question
from indexer.sections import Section, Step, with_parts

# Chosen on known questions, each left out in turn, see docs/design.md.
_REACH = 0.02  # a question whose cosine is this much lower has a vote e times smaller
_LEAST = 0.3  # share of the votes that keeps a step


class StepChoice:
    """The judged steps of the known questions of one help."""

    def __init__(self, questions: Sequence[Question], articles: Mapping[str, Sequence[Section]]) -> None:
        """`articles` are the sections of each article in reading order."""
        sections = {section.section_id: section for of_article in articles.values() for section in of_article}
        over: defaultdict[str, list[int]] = defaultdict(list)  # section -> places of the questions judged over it
        for place, question in enumerate(questions):
            if question.steps is None:
                continue
            for section in (sections[each] for each in question.sections if each in sections):
                for part in with_parts(section, articles[section.article_id]):
                    if part.steps:
                        over[part.section_id].append(place)
        self._judged = {
            section_id: (np.array(places), _table(sections[section_id], [questions[place] for place in places]))
            for section_id, places in over.items()
        }

    def chosen(self, section: Section, to_each: npt.NDArray[np.float32] | None) -> tuple[Step, ...]:
        """The steps of the section that belong into the answer, in its order; all where nothing tells.

        `to_each` is the cosine of the query to every known question, (questions,); -inf for one that is left out.
        """
        places, belongs = self._judged.get(section.section_id, (None, None))
        if places is None or belongs is None or to_each is None or np.isneginf(nearest := to_each[places].max()):
            return section.steps
        votes = np.exp((to_each[places] - nearest) / _REACH)
        shares = votes @ belongs / votes.sum()
        return tuple(step for step, share in zip(section.steps, shares, strict=True) if share >= _LEAST)


def _table(section: Section, questions: Sequence[Question]) -> npt.NDArray[np.float64]:
    """1.0 where a step belongs into the answer to a question, else 0.0: (questions, steps of the section)."""
    return np.array([[float(step.step_id in (each.steps or ())) for step in section.steps] for each in questions])
