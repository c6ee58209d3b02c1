"""How sure it is that a section answers a query: features of both halves, and the model that was fitted to them.

Fused scores order one list and mean nothing beyond it. These features mean the same for every query, so that a
logistic model of them (indexer/calibration.py) can say how likely an answer is.
"""

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.calibration import Calibration
from indexer.encoder import Vectors
from indexer.lemmas import Lemmatizer
from indexer.lexical import LexicalIndex
from indexer.wordlist import WordList, folded
from indexer.words import clean, words
from server.interpretation import Interpretation

Floats = npt.NDArray[np.floating[Any]]

# Zipf frequencies in the language between which a word goes from saying all about a query's subject to saying nothing.
_TELLING, _EMPTY = 3.0, 6.0
_NEUTRAL = 0.86  # cosine of the imaginary neighbour that says nothing
_FAR = 0.8  # cosine of questions that have nothing in common


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a query before any section is looked at."""

    weights: Mapping[str, float]  # content lemma -> how much it says of the subject, in (0, 1]
    alternatives: Mapping[str, tuple[frozenset[str], ...]]  # lemma -> sets of lemmas, each of which finds the same
    direction: float  # of the query's vector along the calibration's
    wording: float  # what the calibration has learnt of the query's lemmas
    neighbours: float  # whether known questions that mean the same have an answer, in [-1, 1]
    background: float  # mean cosine of the candidates, which a good hit stands out from


class Gauge:
    """Measures how well sections answer queries, by the features of one index."""

    FEATURES = (
        *("cosine", "gap", "coverage", "unknown", "foreign", "lexical", "words", "error", "asked", "belonging"),
        *("direction", "wording", "neighbours"),
    )
    FITTED = ("direction", "wording", "neighbours")  # features that the calibration itself gives

    def __init__(
        self,
        lexical: LexicalIndex,
        word_list: WordList,
        lemmatizer: Lemmatizer,
        sides: Vectors,
        calibration: Calibration | None = None,
    ) -> None:
        """`sides` are 1.0 for a known question with an answer, -1.0 for one without."""
        self._lexical = lexical
        self._words = word_list
        self._lemmatizer = lemmatizer
        self._vocabulary = frozenset(lexical.vocabulary)
        self._wording = calibration.wording if calibration else {}
        self._sides = sides
        self._reach = calibration.reach if calibration else 1.0
        self._direction = np.array(calibration.direction, dtype=np.float32) if calibration else None

    def evidence(
        self, read: Interpretation, semantic: Mapping[int, float], vector: Vectors | None, to_each: Vectors | None
    ) -> Evidence:
        """What the query brings; direction and wording are 0.0 without a calibration.

        `to_each` is the cosine of every known question, (questions,).
        """
        return Evidence(
            weights=self._weights(read.read_as),
            alternatives=self._alternatives(read),
            direction=float(vector @ self._direction) if vector is not None and self._direction is not None else 0.0,
            wording=wording(self._wording, self._lemmatizer.lemmas(read.read_as)),
            neighbours=0.0 if to_each is None else float(vote(to_each[None, :], self._sides, self._reach)[0]),
            background=float(np.mean(list(semantic.values()))) if semantic else 0.0,
        )

    def features(
        self,
        evidence: Evidence,
        row: int,
        cosine: float,
        lexical: float,
        asked: float,
        belonging: float,
        *,
        explains: bool,
    ) -> dict[str, float]:
        """The features of one section.

        `asked` is the cosine of the nearest known question that it answers, 0.0 where there is none near; `belonging`
        how much it belongs into the answer by all of them together; `explains` says that it explains an error text of
        the query.
        """
        total = sum(evidence.weights.values())
        held = unknown = foreign = 0.0
        section = self._lexical.lemmas_of(row)
        for lemma, weight in evidence.weights.items():
            others = evidence.alternatives.get(lemma, ())
            if _holds(section, lemma, others):
                held += weight
                continue
            if lemma not in self._vocabulary and not others:
                unknown += weight
            if lemma.isascii() and not lemma.isdigit():  # mostly the name of a product: «почистить кэш в Telegram»
                foreign = max(foreign, weight)
        return {
            "cosine": cosine,
            "gap": cosine - evidence.background,
            "coverage": held / total if total else 0.0,
            "unknown": unknown / total if total else 1.0,
            "foreign": foreign,
            "lexical": math.log1p(lexical),
            "words": math.log1p(total),
            "error": float(explains),
            "asked": max(asked, _FAR),
            "belonging": belonging,
            "direction": evidence.direction,
            "wording": evidence.wording,
            "neighbours": evidence.neighbours,
        }

    def coverages(self, read: Interpretation, texts: Iterable[Set[str]]) -> list[float]:
        """The share of the query's telling words that each text, given by its lemmas, has, in [0, 1].

        0.0 where none of them tells anything.
        """
        weights, alternatives = self._weights(read.read_as), self._alternatives(read)
        total = sum(weights.values()) or 1.0
        return [
            sum(weight for lemma, weight in weights.items() if _holds(text, lemma, alternatives.get(lemma, ()))) / total
            for text in texts
        ]

    def _alternatives(self, read: Interpretation) -> dict[str, tuple[frozenset[str], ...]]:
        alternatives: dict[str, tuple[frozenset[str], ...]] = {}
        for expansion in read.expansions:
            meant = tuple(frozenset(self._lemmatizer.lemmas(word)) for word in expansion.meant)
            for lemma in expansion.phrase:
                alternatives[lemma] = (*alternatives.get(lemma, ()), *meant)
        return alternatives

    def _weights(self, text: str) -> dict[str, float]:
        weights: dict[str, float] = {}
        for word in words(clean(text)):
            form = folded(word.text)
            lemma = self._lemmatizer.lemma(word.text)
            if self._lemmatizer.is_function_word(word.text):
                continue
            common = max(
                frequencies.get(each, 0.0)
                for frequencies in (self._words.russian, self._words.english)
                for each in (form, lemma)
            )
            weight = min(1.0, (_EMPTY - common) / (_EMPTY - _TELLING))
            if weight > 0:
                weights[lemma] = weight
        return weights


def _holds(text: Set[str], lemma: str, others: Iterable[frozenset[str]]) -> bool:
    """Whether lemmas hold this one, or all of another way to say it."""
    return lemma in text or any(other <= text for other in others)


def vote(cosines: Floats, sides: Floats, reach: float) -> Floats:
    """What known questions say of others, each in [-1, 1]: the mean of their sides, the nearer the weightier.

    `cosines`, (others, known), are theirs to the known; `sides` is 1.0 for a known question with an answer, -1.0 for
    one without. Where none is near, an imaginary neighbour that says nothing draws the mean to 0. After Nadaraya and
    Watson (1964).
    """
    weights = np.exp((cosines - 1.0) / reach)
    found: Floats = (weights @ sides) / (weights.sum(axis=1) + math.exp((_NEUTRAL - 1.0) / reach))
    return found


def wording(weights: Mapping[str, float], lemmas: Iterable[str]) -> float:
    """The weights of a query's lemmas together, each counted once; of a long query each counts less."""
    distinct = set(lemmas)
    return sum(weights.get(lemma, 0.0) for lemma in distinct) / math.sqrt(max(1, len(distinct)))


def logit(calibration: Calibration, features: Mapping[str, float]) -> float:
    """The logarithm of the odds that the section answers, in [-30, 30]."""
    total = calibration.intercept + sum(
        term.weight * (features[name] - term.mean) / term.scale for name, term in calibration.terms.items()
    )
    return max(-30.0, min(30.0, total))


def likelihood(odds: float) -> float:
    """The likelihood that the section answers, in (0, 1), from the logarithm of its odds."""
    return 1 / (1 + math.exp(-odds))
