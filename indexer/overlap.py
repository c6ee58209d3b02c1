"""How alike texts are in their words: the cosine of their lemmas, rare ones weightier (Salton and Buckley, 1988)."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from indexer.encoder import Vectors
from indexer.lexical import LexicalIndex

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Overlap:
    """The texts of one field of a lexical index, each as its BM25 weights divided by their length."""

    def __init__(self, lexical: LexicalIndex, field: str) -> None:
        self._lexical = lexical
        scores, self._rows, self._starts = lexical.columns(field)
        lengths = np.sqrt(np.bincount(self._rows, scores.astype(np.float64) ** 2, minlength=len(lexical)))
        self._weights: Vectors = (scores / lengths[self._rows]).astype(np.float32)

    def rows(self) -> "csr_matrix":
        """The texts, (texts, lemmas), each of length 1.0, or 0.0 without lemmas."""
        from scipy.sparse import csc_matrix  # comes with Sentence Transformers; a server needs none

        shape = (len(self._lexical), len(self._starts) - 1)
        return csc_matrix((self._weights, self._rows, self._starts), shape=shape).tocsr()

    def of(self, lemmas: Sequence[str]) -> Vectors:
        """The cosine of every text and one of these lemmas, float32 (texts,).

        A lemma that no text has counts as if one had it: it is something that the texts do not say.
        """
        found = np.zeros(len(self._lexical), dtype=np.float32)
        rows, weights = [], []
        squares = 0.0
        for lemma in dict.fromkeys(lemmas):
            number = self._lexical.number_of(lemma)
            start, stop = (0, 0) if number is None else self._starts[number : number + 2].tolist()
            rare = self._rarity(max(1, stop - start))
            squares += rare**2
            rows.append(self._rows[start:stop])
            weights.append(np.float32(rare) * self._weights[start:stop])
        if rows:
            np.add.at(found, np.concatenate(rows), np.concatenate(weights))  # each lemma's after those before it
        return found / np.float32(math.sqrt(squares)) if squares else found

    def _rarity(self, texts: int) -> float:
        """The weight of a lemma that so many texts have, as BM25 has it."""
        return math.log(1 + (len(self._lexical) - texts + 0.5) / (texts + 0.5))
