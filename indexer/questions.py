"""Questions that people asked, and the sections that answer them: a small index of its own beside that of the sections.

A help words things in its own way, and those who need it in theirs. A question that somebody asked before is in the
asker's words already, and it is known where its answer stands. `questions.jsonl` beside the articles has one a line,
with the sections that answer it, or with none where the help has no answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from indexer import reuse
from indexer.belonging import Learnt
from indexer.encoder import Encoder, Progress, Vectors
from indexer.errors import ArticleError, ArtifactError
from indexer.knowledge import QUESTIONS, Question, read_questions
from indexer.lexical import LexicalIndex
from indexer.overlap import Overlap
from indexer.products import Product, write_cosines
from indexer.sections import Section

FOLDER = "questions"  # of the artifact

_VECTORS, _NEARNESS = "vectors.npy", "nearness.onnx"
_FIELD = "body"  # the one field of a question


@dataclass(frozen=True)
class QuestionIndex:
    """The questions, and what they are found by. Row i of vectors and lexical index is question i."""

    questions: tuple[Question, ...]
    vectors: Vectors  # (questions, dimension), unit length, made as those of queries are
    lexical: LexicalIndex
    learnt: Learnt  # of which sections and steps belong into the answers to them
    nearness: Product | None = None  # the vectors in fewer bytes, as a saved index has them

    @classmethod
    def build(
        cls,
        questions: Sequence[Question],
        encoder: Encoder,
        terms: Callable[[str], list[str]],
        known: Mapping[str, Vectors],
        progress: Progress,
        sections: Sequence[Section] = (),
    ) -> "QuestionIndex":
        """The index of these questions; `known` are vectors by digest of a text, which need not be made again.

        Which of the `sections` of the help and of their steps belong into the answers is learnt from all of them.
        """
        texts = [question.line for question in questions]
        vectors, _ = reuse.encoded(texts, known, lambda new: encoder.encode_queries(new, progress))
        lexical = LexicalIndex.build([{_FIELD: terms(text)} for text in texts])
        learnt = Learnt.fit(questions, sections, vectors, Overlap(lexical, _FIELD))
        return cls(tuple(questions), vectors, lexical, learnt)

    @cached_property
    def overlap(self) -> Overlap:
        """How alike the questions are to others in their words."""
        return Overlap(self.lexical, _FIELD)

    def known_vectors(self) -> dict[str, Vectors]:
        """The vectors by digest of their texts."""
        return reuse.by_digest((question.line for question in self.questions), self.vectors)

    def cosines(self, vector: Vectors) -> Vectors:
        """The cosine of every question and a query's vector, (dimension,); float32 (questions,)."""
        if self.nearness:
            return self.nearness.of(vector)
        exact: Vectors = self.vectors @ vector
        return exact

    def words(self, lemmas: Sequence[str]) -> Vectors:
        """BM25 of every question for these lemmas, float32 (questions,)."""
        return self.lexical.scores(lemmas, {_FIELD: 1.0})

    def save(self, folder: Path) -> None:
        """Writes the questions, their vectors and lexical index into a new folder; nothing where there are none."""
        if not self.questions:
            return
        folder.mkdir()
        lines = (question.model_dump_json(exclude_none=True) for question in self.questions)
        (folder / QUESTIONS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        np.save(folder / _VECTORS, self.vectors, allow_pickle=False)
        write_cosines(self.vectors, folder / _NEARNESS)
        self.lexical.save(folder / "lexical")
        self.learnt.save(folder)

    @classmethod
    def load(cls, folder: Path, dimension: int) -> "QuestionIndex":
        """Reads what `save` wrote, vectors memory-mapped. Raises ArtifactError where it does not belong together."""
        if not folder.exists():
            return cls((), np.zeros((0, dimension), dtype=np.float32), LexicalIndex.build([]), Learnt.none(0))
        try:
            questions = read_questions(folder)
            vectors: Vectors = np.asarray(np.load(folder / _VECTORS, mmap_mode="r", allow_pickle=False))
        except (ArticleError, OSError, ValueError) as error:
            raise ArtifactError(f"{folder}: unreadable questions ({error}); rebuild the index") from error
        lexical = LexicalIndex.load(folder / "lexical")
        if not len(questions) == len(vectors) == len(lexical):
            raise ArtifactError(
                f"{folder}: {len(questions)} questions, {len(vectors)} vectors, {len(lexical)} in the lexical index; "
                "expected as many of each; rebuild the index"
            )
        near = Product(folder / _NEARNESS, "vectors of known questions", len(questions))
        return cls(questions, vectors, lexical, Learnt.load(folder, len(questions)), near)
