"""Which sections, and which of their steps, belong into the answer to a question: learnt from all known questions.

Kernel ridge regression (Saunders, Gammerman and Vovk, 1998) from questions to sections and to steps. Two questions are
alike by what they mean and by the words that they share; every section and every step is a target of its own, 1 where
it belongs into the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from indexer.encoder import Vectors
from indexer.errors import ArtifactError
from indexer.knowledge import Question
from indexer.overlap import Overlap
from indexer.products import Product, write_sums
from indexer.sections import Section, with_parts

# Chosen on known questions, each left out in turn, see docs/design.md.
_REACH = 0.12  # a question whose cosine is this much lower is e times less alike in meaning
_WORDS = 0.5  # likeness of questions in the same words and of nothing else in common
_PENALTY = 0.2

_MOST = 20_000  # questions: the likeness of every two of them takes 1.6 GB then
_AT_ONCE = 1024  # rows of likenesses

_SECTIONS, _STEPS, _SUMS = "sections", "steps", "sections.onnx"  # files

Name = tuple[str, ...]  # of a section its section_id, of a step its section's as well and its step_id


@dataclass(frozen=True, slots=True)
class Belonging:
    """How much each of some sections or steps belongs into the answer to a question, in about [0, 1]."""

    names: tuple[Name, ...]  # none twice
    weights: Vectors  # (names, questions)
    product: Product | None = None  # the weights in fewer bytes, as those of sections are saved

    @classmethod
    def none(cls, questions: int) -> "Belonging":
        """What tells nothing of anything."""
        return cls((), np.zeros((0, questions), dtype=np.float32))

    def of(self, alike: Vectors, rows: Sequence[int] | None = None) -> Vectors:
        """How much those of these rows, or all, belong into the answer to a query, (rows,).

        `alike` is how alike the query and every known question are, (questions,), as `likeness` tells.
        """
        if self.product and rows is None:
            return self.product.of(alike)
        found: Vectors = (self.weights if rows is None else self.weights[rows]) @ alike
        return found

    def save(self, folder: Path, name: str) -> None:
        """Writes two files of this name into a folder; nothing where nothing was learnt."""
        if self.names:
            (folder / name).write_text("".join("\t".join(each) + "\n" for each in self.names), "utf-8")
            np.save(folder / f"{name}.npy", self.weights, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, name: str, questions: int) -> "Belonging":
        """Reads what `save` wrote, memory-mapped. Raises ArtifactError where the files do not belong together."""
        if not (folder / name).exists():
            return cls.none(questions)
        try:
            names = tuple(tuple(line.split("\t")) for line in (folder / name).read_text("utf-8").splitlines())
            weights = np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise ArtifactError(f"{folder}: unreadable model of {name} ({error}); rebuild the index") from error
        if weights.shape != (len(names), questions):
            raise ArtifactError(
                f"{folder}: a model of {weights.shape} {name} and questions; expected ({len(names)}, {questions}); "
                "rebuild the index"
            )
        return cls(names, weights)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the known questions of a help tell of its sections and of their steps."""

    sections: Belonging
    steps: Belonging

    @classmethod
    def none(cls, questions: int) -> "Learnt":
        """What was learnt from nothing."""
        return cls(Belonging.none(questions), Belonging.none(questions))

    @classmethod
    def fit(
        cls, questions: Sequence[Question], sections: Sequence[Section], vectors: Vectors, overlap: Overlap
    ) -> "Learnt":
        """Learns from the questions, of which row i of vectors, (questions, dimension), and overlap is the i-th.

        A question whose steps nobody judged has those of its sections all. Learns nothing where no question has an
        answer, or from more than 20,000 questions, for which there would be no room.
        """
        answers, steps = _answers(questions, sections), _steps(questions, sections)
        if not answers or len(questions) > _MOST:
            return cls.none(len(questions))
        from scipy import linalg  # comes with Sentence Transformers; a server needs none

        targets = np.concatenate([_targets(answers, len(questions)), _targets(steps, len(questions))], axis=1)
        # As LAPACK has matrices, column by column, else it would take a copy; this one is symmetric.
        likenesses = penalised(vectors, overlap).T
        factor = linalg.cho_factor(likenesses, lower=True, overwrite_a=True, check_finite=False)
        weights = linalg.cho_solve(factor, targets, overwrite_b=True, check_finite=False).T
        of_answers, of_steps = np.split(weights, [len(answers)])
        return cls(
            Belonging(tuple(answers), np.ascontiguousarray(of_answers)),
            Belonging(tuple(steps), np.ascontiguousarray(of_steps)),
        )

    def save(self, folder: Path) -> None:
        """Writes both models into a folder, and in fewer bytes what every search reads: all weights of sections."""
        self.sections.save(folder, _SECTIONS)
        self.steps.save(folder, _STEPS)
        if self.sections.names:
            write_sums(self.sections.weights, folder / _SUMS)

    @classmethod
    def load(cls, folder: Path, questions: int) -> "Learnt":
        """Reads what `save` wrote. Raises ArtifactError where the files do not belong together."""
        sections, steps = (Belonging.load(folder, name, questions) for name in (_SECTIONS, _STEPS))
        if sections.names:
            product = Product(folder / _SUMS, "model of sections", len(sections.names))
            sections = replace(sections, product=product)
        return cls(sections, steps)


def likeness(cosines: Vectors, words: Vectors) -> Vectors:
    """How alike questions are: the kernel, from cosines of their vectors and of their words, of the same shape."""
    found: Vectors = np.exp((cosines - np.float32(1.0)) / np.float32(_REACH)) + np.float32(_WORDS) * words
    return found


def _answers(questions: Sequence[Question], sections: Sequence[Section]) -> dict[Name, list[int]]:
    """Each section that answers questions -> their places."""
    known = {section.section_id for section in sections}
    found: dict[Name, list[int]] = {}
    for place, question in enumerate(questions):
        for section_id in known.intersection(question.sections):
            found.setdefault((section_id,), []).append(place)
    return dict(sorted(found.items()))


def _steps(questions: Sequence[Question], sections: Sequence[Section]) -> dict[Name, list[int]]:
    """Each step of such a section and of its parts -> the places of the questions into whose answer it belongs."""
    by_id = {section.section_id: section for section in sections}
    by_article: dict[str, list[Section]] = {}
    for section in sections:
        by_article.setdefault(section.article_id, []).append(section)
    found: dict[Name, list[int]] = {}
    for place, question in enumerate(questions):
        for told in (by_id[section_id] for section_id in question.sections if section_id in by_id):
            for part in with_parts(told, by_article[told.article_id]):
                for step in part.steps:
                    # A step that no question has is a target, too: it is known not to belong.
                    belonging = found.setdefault((part.section_id, step.step_id), [])
                    if question.steps is None or step.step_id in question.steps:
                        belonging.append(place)
    return found


def _targets(places: Mapping[Name, Sequence[int]], questions: int) -> npt.NDArray[np.float32]:
    """1.0 where a question is among the places of a name, (questions, names)."""
    targets = np.zeros((questions, len(places)), dtype=np.float32)
    for column, those in enumerate(places.values()):
        targets[those, column] = 1.0
    return targets


def penalised(vectors: Vectors, overlap: Overlap) -> Vectors:
    """The likeness of every two questions, (questions, questions), and of each with itself the penalty as well."""
    found: Vectors = vectors @ vectors.T
    words = overlap.rows()
    for start in range(0, len(found), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        found[rows] = likeness(found[rows], (words[rows] @ words.T).toarray())
    found[np.diag_indices_from(found)] += np.float32(_PENALTY)
    return found
