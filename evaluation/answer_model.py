"""A logistic model of whether the help answers a query, as arrays: what a calibration is fitted with."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from indexer.calibration import Term
from server.found import First
from server.relevance import Floats, Gauge, vote, wording

PLAIN = tuple(name for name in Gauge.FEATURES if name not in Gauge.FITTED)

_LEAST_USED = 3  # queries that have a lemma, or one in a thousand of many; what fewer say of it is chance


@dataclass(frozen=True, slots=True)
class Example:
    """A query with what was found for it first."""

    first: First
    answerable: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """What is chosen, not learnt."""

    of_vector: float  # how much the query's own vector counts beside the features
    of_words: float  # and its words
    reach: float  # of the neighbours' votes, in cosine
    strength: float  # how little the model is held back (scikit-learn's C)


@dataclass(frozen=True, slots=True)
class Table:
    """Examples as arrays, a row each."""

    features: Floats  # (examples, len(PLAIN))
    vectors: Floats  # (examples, dimension), unit length
    to_each: Floats  # (examples, known questions), cosines; that of an example to itself is -1
    lemmas: tuple[tuple[str, ...], ...]
    answers: npt.NDArray[np.int_]

    @classmethod
    def of(cls, found: Sequence[Example]) -> "Table":
        """The examples in their order."""
        return cls(
            np.array([[each.first.features[name] for name in PLAIN] for each in found], dtype=np.float64),
            np.array([each.first.vector for each in found], dtype=np.float64),
            np.array([each.first.to_each for each in found], dtype=np.float32),
            tuple(each.first.lemmas for each in found),
            np.array([each.answerable for each in found], dtype=np.int_),
        )

    def rows(self, kept: npt.NDArray[np.intp]) -> "Table":
        """Some of the rows."""
        lemmas = tuple(self.lemmas[row] for row in kept)
        return Table(self.features[kept], self.vectors[kept], self.to_each[kept], lemmas, self.answers[kept])


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic model of plain features, the vote of the neighbours, the vector and the words of a query."""

    sides: Floats  # of the known questions
    reach: float
    mean: Floats  # of the plain features and, last, of the vote
    scale: Floats
    weights: Floats
    centre: Floats  # of the vectors
    direction: Floats
    wording: Mapping[str, float]
    intercept: float

    @classmethod
    def fitted(cls, learnt: Table, sides: Floats, settings: Settings) -> "Model":
        """The model of these examples; `sides` are 1.0 for a known question with an answer, -1.0 for one without."""
        plain = np.column_stack([learnt.features, vote(learnt.to_each, sides, settings.reach)])
        mean, scale = plain.mean(axis=0), plain.std(axis=0)
        scale[scale == 0] = 1.0
        centre, spread = learnt.vectors.mean(axis=0), learnt.vectors.std()
        lemmas, used = _used(learnt.lemmas)
        share = settings.of_vector / spread
        columns = np.hstack([(plain - mean) / scale, (learnt.vectors - centre) * share, used * settings.of_words])
        model = LogisticRegression(C=settings.strength, max_iter=5000, class_weight="balanced")
        model.fit(columns.astype(np.float32), learnt.answers)  # half the time and memory of float64
        parts = np.split(model.coef_[0], [plain.shape[1], plain.shape[1] + len(centre)])
        told = (parts[2] * settings.of_words).tolist()
        wording_of = dict(zip(lemmas, told, strict=True))
        intercept = float(model.intercept_[0])
        return cls(sides, settings.reach, mean, scale, parts[0], centre, parts[1] * share, wording_of, intercept)

    def logits(self, asked: Table) -> Floats:
        """How far each example lies on the side of those with an answer."""
        votes = vote(asked.to_each, self.sides, self.reach)
        plain = (np.column_stack([asked.features, votes]) - self.mean) / self.scale
        told = np.array([wording(self.wording, each) for each in asked.lemmas])
        found: Floats = plain @ self.weights + (asked.vectors - self.centre) @ self.direction + told + self.intercept
        return found

    def terms(self, slope: float) -> dict[str, Term]:
        """The model's terms, each weight times `slope`."""
        rows = zip((*PLAIN, "neighbours"), self.mean, self.scale, self.weights * slope, strict=True)
        terms = {
            name: Term(mean=round(float(m), 6), scale=round(float(s), 6), weight=round(float(w), 6))
            for name, m, s, w in rows
        }
        along = float(self.centre @ self.direction) * slope
        terms["direction"] = Term(mean=round(along, 6), scale=1.0, weight=1.0)
        return terms | {"wording": Term(mean=0.0, scale=1.0, weight=1.0)}


def _used(lemmas: Sequence[Collection[str]]) -> tuple[list[str], Floats]:
    """Lemmas of several queries, and for each query how much of it each is, as server.relevance.wording counts it."""
    counts = Counter(lemma for each in lemmas for lemma in set(each))
    least = max(_LEAST_USED, len(lemmas) // 1000)
    kept = sorted(lemma for lemma, count in counts.items() if count >= least)
    places = {lemma: place for place, lemma in enumerate(kept)}
    found = np.zeros((len(lemmas), len(kept)), dtype=np.float32)
    for row, each in enumerate(lemmas):
        for lemma in places.keys() & set(each):
            found[row, places[lemma]] = wording({lemma: 1.0}, each)
    return kept, found
