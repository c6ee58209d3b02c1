"""The store in the artifact itself: FAISS and bm25s, memory-mapped."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from indexer.artifact import ArticleHead, Artifact
from indexer.encoder import Vectors
from indexer.lexical import LexicalIndex, Mask, WeightedLemmas
from indexer.sections import Section
from indexer.stores.store import Filters, suits
from indexer.vectors import VectorIndex

_MASKS = 8  # that are kept: both halves of a search ask for the same, and callers ask for few


class LocalStore:
    """Searches a lexical index and vectors; row i of both is section i."""

    is_remote = False

    def __init__(
        self,
        lexical: LexicalIndex,
        vectors: VectorIndex,
        sections: Sequence[Section],
        articles: Sequence[ArticleHead],
    ) -> None:
        self._lexical, self._vectors = lexical, vectors
        self._sections, self._articles = sections, articles
        self._topics = {head.article_id: head.topic for head in articles}
        self._allowed = lru_cache(maxsize=_MASKS)(self._mask)

    @classmethod
    def of(cls, artifact: Artifact) -> "LocalStore":
        """The store of an artifact."""
        return cls(artifact.lexical, artifact.vectors, artifact.sections, artifact.articles)

    def _mask(self, filters: Filters) -> Mask | None:
        """The sections that the filters let through, shape (sections,); None for all."""
        if filters == Filters():
            return None

        passing = (
            suits(row, section, self._topics[section.article_id], filters) for row, section in enumerate(self._sections)
        )
        return np.fromiter(passing, dtype=bool, count=len(self._sections))

    def lexical(
        self, lemmas: WeightedLemmas, weights: Mapping[str, float], count: int, filters: Filters
    ) -> dict[int, float]:
        """As Store says."""
        rows, scores = self._lexical.best(lemmas, weights, count, self._allowed(filters))
        return dict(zip(rows.tolist(), scores.tolist(), strict=True))

    def semantic(self, vector: Vectors, count: int, filters: Filters) -> list[tuple[int, float]]:
        """As Store says."""
        return self._vectors.search(vector, count, self._allowed(filters))

    def neighbours(self, row: int, count: int) -> list[tuple[int, float]]:
        """As Store says."""
        return self._vectors.neighbours(row, count)

    def of_rows(self, rows: Sequence[int]) -> "LocalStore":
        """As Store says; `rows` in their order."""
        sections = [self._sections[row] for row in rows]
        return LocalStore(self._lexical.of_rows(rows), self._vectors.of_rows(rows), sections, self._articles)


class LocalStores:
    """What generations hold themselves, so that nothing else is to be done."""

    is_remote = False

    def open(self, artifact: Artifact) -> LocalStore:
        """As Stores says."""
        return LocalStore.of(artifact)

    def write(self, index: Path, generation: str) -> None:
        """As Stores says: nothing."""

    def switch(self, generation: str) -> None:
        """As Stores says: nothing."""

    def keep(self, generations: Sequence[str]) -> list[str]:
        """As Stores says: nothing."""
        return []
