"""Hard negatives: sections that share an anchor's words and do not answer it, mined by BM25; and what to keep apart."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from indexer.adaptation.pairs import Pair
from indexer.lemmas import Lemmatizer
from indexer.lexical import FIELDS, LexicalIndex
from indexer.sections import Section

# Two sections that share this much of their lemmas say the same to the model. The Jaccard index over sets of lemmas.
NEAR_DUPLICATE = 0.6

_CANDIDATES = 10  # the best by BM25 that are looked at
_SAME_ANSWER = 1.0  # a section that scores more than this times the pair's own may well answer too

_WEIGHTS = dict.fromkeys(FIELDS, 1.0)


class Neighbours:
    """Which sections of a corpus must not stand for each other's negatives."""

    def __init__(self, sections: Sequence[Section], lemmas: Mapping[str, frozenset[str]]) -> None:
        self._headings = {section.section_id: section.headings for section in sections}
        self._articles = {section.section_id: section.article_id for section in sections}
        self._lemmas = lemmas

    def kin(self, one: str, other: str) -> bool:
        """Whether they are the same section, parts of the same question, or near-duplicates."""
        return one == other or self._same_question(one, other) or self._near_duplicate(one, other)

    def _same_question(self, one: str, other: str) -> bool:
        """Whether one stands under the other's heading, or they are parts of one question."""
        if self._articles[one] != self._articles[other]:
            return False
        first, second = self._headings[one], self._headings[other]
        question = min(len(first), len(second), 2)
        return first[:question] == second[:question]

    def _near_duplicate(self, one: str, other: str) -> bool:
        first, second = self._lemmas[one], self._lemmas[other]
        # The larger set bounds the share from below, and is cheaper to know.
        if min(len(first), len(second)) < NEAR_DUPLICATE * max(len(first), len(second)):
            return False
        union = len(first | second)
        return union == 0 or len(first & second) / union >= NEAR_DUPLICATE


def neighbours_of(sections: Sequence[Section], lemmatizer: Lemmatizer) -> Neighbours:
    """The neighbours of the sections of a corpus, by their headings and the lemmas of their texts."""
    return Neighbours(
        sections, {section.section_id: frozenset(lemmatizer.lemmas(section.text)) for section in sections}
    )


def hard_negatives(
    pairs: Iterable[Pair],
    sections: Sequence[Section],
    lexical: LexicalIndex,
    lemmatizer: Lemmatizer,
    neighbours: Neighbours,
) -> list[tuple[str, ...]]:
    """For each pair the ids of the sections nearest to its anchor by BM25 that are no answer to it, nearest first.

    Left out: kin of the pair's own section, and sections that score as high as it does, which may answer as well.
    Empty where no other section shares a word with the anchor. Row i of `lexical` is section i.
    """
    rows = {section.section_id: row for row, section in enumerate(sections)}
    found = []
    for pair in pairs:
        scores = lexical.scores(lemmatizer.lemmas(pair.anchor), _WEIGHTS)
        best = np.argsort(-scores, kind="stable")[: _CANDIDATES + 1].tolist()
        own = float(scores[rows[pair.section_id]]) * _SAME_ANSWER
        found.append(
            tuple(
                sections[row].section_id
                for row in best
                if 0 < scores[row] < own and not neighbours.kin(pair.section_id, sections[row].section_id)
            )
        )
    return found
