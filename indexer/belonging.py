"""Which steps belong into the answer to a question: learnt from the known questions whose steps are known.

Kernel ridge regression (Saunders, Gammerman and Vovk, 1998) from questions to steps. Two questions are alike by what
they mean and by the words that they share; every step is a target of its own, 1 where it belongs into the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from indexer.encoder import Vectors
from indexer.errors import ArtifactError
from indexer.knowledge import Question
from indexer.overlap import Overlap
from indexer.sections import Section, with_parts

# Chosen on known questions, each left out in turn, see docs/design.md.
_REACH = 0.12  # a question whose cosine is this much lower is e times less alike in meaning
_WORDS = 0.5  # likeness of questions in the same words and of nothing else in common
_PENALTY = 0.2

_MOST = 20_000  # questions: the likeness of every two of them takes 1.6 GB then
_AT_ONCE = 1024  # rows of likenesses


@dataclass(frozen=True, slots=True)
class Belonging:
    """How much each step belongs into the answer to a question, in about [0, 1]."""

    steps: tuple[tuple[str, str], ...]  # section_id and step_id; no step twice
    weights: Vectors  # (steps, questions)

    @classmethod
    def fit(
        cls, questions: Sequence[Question], sections: Sequence[Section], vectors: Vectors, overlap: Overlap
    ) -> "Belonging":
        """Learns from the questions, of which row i of vectors, (questions, dimension), and overlap is the i-th.

        A question whose steps nobody judged has those of its sections all. Learns nothing where no step is known, or
        from more than 20,000 questions, for which there would be no room.
        """
        steps, targets = _targets(questions, sections)
        if not targets.any() or len(questions) > _MOST:
            return cls.none(len(questions))
        from scipy import linalg  # comes with Sentence Transformers; a server needs none

        factor = linalg.cho_factor(penalised(vectors, overlap), lower=True, overwrite_a=True, check_finite=False)
        weights = linalg.cho_solve(factor, targets.T.astype(np.float32), overwrite_b=True, check_finite=False)
        return cls(steps, np.ascontiguousarray(weights.T))

    @classmethod
    def none(cls, questions: int) -> "Belonging":
        """What tells nothing of any step."""
        return cls((), np.zeros((0, questions), dtype=np.float32))

    def of(self, rows: Sequence[int], cosines: Vectors, words: Vectors) -> Vectors:
        """How much the steps of these rows belong into the answer to a query, (rows,).

        `cosines` and `words` are its likeness to every known question in meaning and in words, both (questions,).
        """
        found: Vectors = self.weights[rows] @ likeness(cosines, words)
        return found

    def save(self, folder: Path) -> None:
        """Writes the model into a folder; nothing where there is none."""
        if self.steps:
            (folder / "steps").write_text("".join(f"{section}\t{step}\n" for section, step in self.steps), "utf-8")
            np.save(folder / "steps.npy", self.weights, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, questions: int) -> "Belonging":
        """Reads what `save` wrote, memory-mapped. Raises ArtifactError where the files do not belong together."""
        if not (folder / "steps").exists():
            return cls.none(questions)
        try:
            lines = (folder / "steps").read_text("utf-8").splitlines()
            steps = tuple((section, step) for section, step in (line.split("\t") for line in lines))
            weights = np.asarray(np.load(folder / "steps.npy", mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise ArtifactError(f"{folder}: unreadable model of steps ({error}); rebuild the index") from error
        if weights.shape != (len(steps), questions):
            raise ArtifactError(
                f"{folder}: a model of {weights.shape} steps and questions; expected ({len(steps)}, {questions}); "
                "rebuild the index"
            )
        return cls(steps, weights)


def likeness(cosines: Vectors, words: Vectors) -> Vectors:
    """How alike questions are: the kernel, from cosines of their vectors and of their words, of the same shape."""
    found: Vectors = np.exp((cosines - np.float32(1.0)) / np.float32(_REACH)) + np.float32(_WORDS) * words
    return found


def _targets(
    questions: Sequence[Question], sections: Sequence[Section]
) -> tuple[tuple[tuple[str, str], ...], npt.NDArray[np.bool_]]:
    by_id = {section.section_id: section for section in sections}
    by_article: dict[str, list[Section]] = {}
    for section in sections:
        by_article.setdefault(section.article_id, []).append(section)
    rows: dict[tuple[str, str], list[int]] = {}
    for place, question in enumerate(questions):
        for told in (by_id[section_id] for section_id in question.sections if section_id in by_id):
            for part in with_parts(told, by_article[told.article_id]):
                for step in part.steps:
                    # A step that no question has is a target, too: it is known not to belong.
                    belonging = rows.setdefault((part.section_id, step.step_id), [])
                    if question.steps is None or step.step_id in question.steps:
                        belonging.append(place)
    targets = np.zeros((len(rows), len(questions)), dtype=bool)
    for row, belonging in enumerate(rows.values()):
        targets[row, belonging] = True
    return tuple(rows), targets


def penalised(vectors: Vectors, overlap: Overlap) -> Vectors:
    """The likeness of every two questions, (questions, questions), and of each with itself the penalty as well."""
    found: Vectors = vectors @ vectors.T
    words = overlap.rows()
    for start in range(0, len(found), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        found[rows] = likeness(found[rows], (words[rows] @ words.T).toarray())
    found[np.diag_indices_from(found)] += np.float32(_PENALTY)
    return found
