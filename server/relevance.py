"""How sure it is that a section answers a query: features of both halves, and the model that was fitted to them.

Fused scores order one list and mean nothing beyond it. These features mean the same for every query, so that a
logistic model of them (indexer/calibration.py) can say how likely an answer is.
"""

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.calibration import Calibration
from indexer.encoder import Vectors
from indexer.lemmas import Lemmatizer
from indexer.lexical import LexicalIndex
from indexer.wordlist import WordList, folded
from indexer.words import clean, word_texts
from server.interpretation import Interpretation

Floats = npt.NDArray[np.floating[Any]]

# Zipf frequencies in the language between which a word goes from saying all about a query's subject to saying nothing.
_TELLING, _EMPTY = 3.0, 6.0
_NEUTRAL = 0.86  # cosine of the imaginary neighbour that says nothing
_FAR = 0.8  # cosine of questions that have nothing in common

_KEPT_WORDS = 4096  # words of queries whose weights are kept, about 0.3 kB each


@dataclass(frozen=True, slots=True)
class Telling:
    """A lemma of a query that says something of its subject."""

    lemma: str
    weight: float  # how much, in (0, 1]
    others: tuple[frozenset[str], ...]  # sets of lemmas, each of which finds the same
    is_unknown: bool  # no section has it, nor is there another way to say it
    is_foreign: bool  # in Latin letters, mostly the name of a product: «почистить кэш в Telegram»


@dataclass(frozen=True, slots=True)
class Subject:
    """What the words of a query say of its subject."""

    telling: tuple[Telling, ...]  # each once, in the order in which they come
    total: float  # of their weights
    wording: float  # what the calibration has learnt of the query's lemmas; 0.0 without one


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a query before any section is looked at."""

    subject: Subject
    direction: float  # of the query's vector along the calibration's
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
        self._weight = lru_cache(maxsize=_KEPT_WORDS)(self._weight_uncached)

    def subject(self, read: Interpretation) -> Subject:
        """What the words of the query say."""
        telling = self._telling(read)
        total = sum(each.weight for each in telling)
        return Subject(telling, total, wording(self._wording, self._lemmatizer.lemmas(read.read_as)))

    def evidence(
        self, subject: Subject, semantic: Mapping[int, float], vector: Vectors | None, to_each: Vectors | None
    ) -> Evidence:
        """What the query brings; its direction is 0.0 without a calibration.

        `to_each` is the cosine of every known question, (questions,).
        """
        return Evidence(
            subject,
            direction=float(vector @ self._direction) if vector is not None and self._direction is not None else 0.0,
            neighbours=0.0 if to_each is None else float(vote(to_each[None, :], self._sides, self._reach)[0]),
            background=float(np.fromiter(semantic.values(), float, len(semantic)).mean()) if semantic else 0.0,
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
        subject = evidence.subject
        held = unknown = foreign = 0.0
        section = self._lexical.lemmas_of(row)
        for each in subject.telling:
            if _holds(section, each):
                held += each.weight
                continue
            if each.is_unknown:
                unknown += each.weight
            if each.is_foreign:
                foreign = max(foreign, each.weight)
        return {
            "cosine": cosine,
            "gap": cosine - evidence.background,
            "coverage": held / subject.total if subject.total else 0.0,
            "unknown": unknown / subject.total if subject.total else 1.0,
            "foreign": foreign,
            "lexical": math.log1p(lexical),
            "words": math.log1p(subject.total),
            "error": float(explains),
            "asked": max(asked, _FAR),
            "belonging": belonging,
            "direction": evidence.direction,
            "wording": subject.wording,
            "neighbours": evidence.neighbours,
        }

    def coverages(self, read: Interpretation, texts: Iterable[Set[str]]) -> list[float]:
        """The share of the query's telling words that each text, given by its lemmas, has, in [0, 1].

        0.0 where none of them tells anything.
        """
        telling = self._telling(read)
        total = sum(each.weight for each in telling) or 1.0
        return [sum(each.weight for each in telling if _holds(text, each)) / total for text in texts]

    def _telling(self, read: Interpretation) -> tuple[Telling, ...]:
        alternatives: dict[str, tuple[frozenset[str], ...]] = {}
        for expansion in read.expansions:
            meant = tuple(frozenset(self._lemmatizer.lemmas(word)) for word in expansion.meant)
            for lemma in expansion.phrase:
                alternatives[lemma] = (*alternatives.get(lemma, ()), *meant)
        weights = dict(filter(None, map(self._weight, word_texts(clean(read.read_as)))))
        found = []
        for lemma, weight in weights.items():
            others = alternatives.get(lemma, ())
            is_unknown = lemma not in self._vocabulary and not others
            found.append(Telling(lemma, weight, others, is_unknown, lemma.isascii() and not lemma.isdigit()))
        return tuple(found)

    def _weight_uncached(self, word: str) -> tuple[str, float] | None:
        """The lemma of a word and how much it says of a query's subject; None where that is nothing."""
        if self._lemmatizer.is_function_word(word):
            return None
        lemma = self._lemmatizer.lemma(word)
        common = max(
            frequencies.get(each, 0.0)
            for frequencies in (self._words.russian, self._words.english)
            for each in (folded(word), lemma)
        )
        weight = min(1.0, (_EMPTY - common) / (_EMPTY - _TELLING))
        return (lemma, weight) if weight > 0 else None


def _holds(text: Set[str], telling: Telling) -> bool:
    """Whether lemmas hold this one, or all of another way to say it."""
    if telling.lemma in text:
        return True
    return bool(telling.others) and any(other <= text for other in telling.others)


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
    distinct = dict.fromkeys(lemmas)  # in their order: a sum in another has other last digits
    return sum(weights.get(lemma, 0.0) for lemma in distinct) / math.sqrt(max(1, len(distinct)))


def logit(calibration: Calibration, features: Mapping[str, float]) -> float:
    """The logarithm of the odds that the section answers, in [-30, 30]."""
    total = calibration.intercept + sum(
        term.weight * (features[name] - term.mean) / term.scale for name, term in calibration.terms.items()
    )
    return max(-30.0, min(30.0, total))


def likelihood(log_odds: float) -> float:
    """The likelihood that the section answers, in (0, 1), from the logarithm of its odds."""
    return 1 / (1 + math.exp(-log_odds))


def relevance_of_cosine(cosine: float) -> float:
    """A cosine as a number in [0, 1] that spreads out where this kind of model puts its cosines.

    A logistic curve around 0.82 (where multilingual-e5-small puts passages that merely share a domain; 0.88 and more
    are near paraphrases), 0.02 wide. It orders replies; it is no probability: that is what calibration is for.
    """
    return 1 / (1 + math.exp(-(cosine - 0.82) / 0.02))


def relevance_of_bm25(score: float) -> float:
    """A BM25 score as a number in [0, 1), for lexical mode, where there is no cosine; 0.5 at a score of 5."""
    return score / (score + 5)
